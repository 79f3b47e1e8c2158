import type { Budget } from './budget.ts'
import type { LineParts } from './line-parts.ts'
import type { Telemetry } from './telemetry.ts'

type Own = 'route' | 'conditions' | 'metrics' | 'context' | 'tap' | 'left' | 'moved' | 'tripped' | 'lag'

/** What a route gets from its gateway. */
export interface RouteDeps extends Omit<LineParts, Own> {
  readonly budget: Budget
  readonly telemetry: Telemetry
  /** Bytes this route's source should aim to keep in flight at most. */
  readonly inFlightBytes: number
  /** What a former route of the name left open for this one; closed with it. */
  readonly kept?: AsyncDisposable | undefined
}
