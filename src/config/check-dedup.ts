import { checkStore } from './check-store.ts'
import type { Path } from './problem.ts'
import type { DedupConfig } from './schema.ts'
import type { Mapping, Scope } from './scope.ts'

/** Checks the store of `dedup`; the rest has been checked with the frame. */
export function checkDedup(value: Mapping, path: Path, scope: Scope): DedupConfig | undefined {
  const store = checkStore(value['store'], [...path, 'store'], scope)
  if (store === undefined) return undefined
  const { by, window, count } = value as unknown as DedupConfig
  return { by, window, count, store: store.name, options: store.options }
}
