import { compileTemplate } from '../core/expression.ts'
import type { Store } from '../core/ports.ts'
import { milliseconds } from '../core/schema.ts'
import { Dedup } from './dedup.ts'
import { InDoubt } from './in-doubt.ts'
import type { LineParts } from './line-parts.ts'
import { decoded } from './line-steps.ts'
import { type Outlet, probeBackoff } from './outlet.ts'
import { Stores } from './stores.ts'

/** How long a claim holds should the process die while it shares the store; far above any retry, far below forgetting. */
const CLAIM_LEASE = 600_000

/** The dedup of a route and its store, where it has one. Throws what the store's opening throws. */
export async function openDedup(
  parts: LineParts,
  stack: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<{ dedup: Dedup; store: Store } | undefined> {
  const { route, registry, baseDir, log, conditions } = parts
  if (route.dedup === undefined) return undefined
  const { by, window, count, store, options } = route.dedup
  const stores = parts.stores ?? new Stores()
  const opened = await stores.use(registry.stores.get(store)!, options, {
    name: route.name,
    baseDir,
    maxKeys: count,
    log,
  })
  stack.use(opened)
  const key = compileTemplate(String(by))
  const dedup = new Dedup(
    {
      store: opened,
      key: message => key.evaluate(decoded(route, message)),
      window: milliseconds(window),
      lease: CLAIM_LEASE,
      backoff: probeBackoff(route),
      status: error => (error === undefined ? conditions.clear('dedup') : conditions.raise('dedup', error)),
    },
    signal,
  )
  return { dedup, store: opened }
}

/** What finds out, after a kill, what had arrived. */
export function doubts(
  { route, log }: LineParts,
  { store, dedup, out, merged }: { store: Store; dedup: Dedup; out: Outlet; merged: boolean },
  stack: AsyncDisposableStack,
): InDoubt {
  const inDoubt = new InDoubt({
    route: route.name,
    store,
    target: out.target,
    merged,
    window: milliseconds(route.dedup!.window),
    oldestClaim: () => dedup.oldestClaim,
    log,
  })
  stack.defer(() => inDoubt.close())
  return inDoubt
}
