import { evaluateTree } from './environment.ts'
import type { Path } from './problem.ts'
import { isMapping, type Mapping, type Scope } from './scope.ts'
import { didYouMean, list } from './suggestion.ts'

const STORE = 'file'

export interface StoreChoice {
  /** Name of the store factory in the registry. */
  readonly name: string
  readonly options: Mapping
}

/** Checks a `store`: a name, or a mapping of one name to the options of the store. */
export function checkStore(written: unknown, at: Path, scope: Scope): StoreChoice | undefined {
  const { stores } = scope.context.registry
  const keys = isMapping(written) ? Object.keys(written) : []
  if (isMapping(written) && keys.length !== 1)
    return scope.report(
      at,
      'store needs exactly one store',
      `For example: store: { ${STORE}: { … } }. Stores: ${list([...stores.keys()])}.`,
    )
  const name = isMapping(written) ? keys[0]! : String(written ?? STORE)
  const factory = stores.get(name)
  if (factory === undefined) {
    const hint = didYouMean(name, stores.keys(), 'Stores')
    return scope.report(isMapping(written) ? [...at, name] : at, `there is no store "${name}"`, hint, {
      atKey: isMapping(written),
    })
  }
  const path = isMapping(written) ? [...at, name] : at
  // As in connections: what a store needs to get in is read from the environment once, at load.
  const { sources } = scope.context
  const { value, issues } = evaluateTree(isMapping(written) ? (written[name] ?? {}) : {}, path, sources, scope.secrets)
  scope.issues.push(...issues)
  if (issues.length > 0) return undefined
  const valid = scope.valid(factory.schema, value, path, 'none')
  return valid === undefined ? undefined : { name, options: valid as Mapping }
}
