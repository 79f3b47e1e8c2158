import type { Condition, RouteState } from './conditions.ts'
import type { RequestStatus } from './request-metrics.ts'

/** What a route tells of itself. */
export interface RouteStatus {
  readonly name: string
  readonly state: RouteState
  /** Why it stands still; empty when it runs. */
  readonly conditions: readonly Condition[]
  readonly received: number
  readonly settled: number
  readonly inFlight: number
  /** Ordering keys that wait for another attempt. */
  readonly heldLanes: number
  readonly lag: number | undefined
  /** How long the oldest message in flight has been, in ms; undefined = none is. */
  readonly oldestMs?: number | undefined
  /** Of a route with `reply`. */
  readonly requests?: RequestStatus
}
