import { SluiceError } from '../core/errors.ts'
import type { Source } from '../core/ports.ts'
import type { RouteState } from './conditions.ts'
import { within } from './patience.ts'
import type { RouteMetrics } from './telemetry.ts'

/** How often the lag is asked for, and after how long without movement a source is stuck, in ms. */
const ASK_EVERY = 5_000
const STUCK_AFTER = 60_000
/** Longest wait for a source to tell its lag, in ms. */
const LAG_WAIT = 10_000

/** Whether nothing is received because the route wants it so. */
export interface Pace {
  readonly pacing: boolean
}

/** What must be known of a route to judge its progress. */
interface Standing {
  readonly state: RouteState
  readonly inFlight: number
  readonly heldLanes: number
}

/** Watches that a source with lag makes progress. Liveness is progress against lag, not a ping. */
export class Progress {
  readonly #metrics: RouteMetrics
  readonly #status: () => Standing
  #lag: number | undefined
  #moved = performance.now()
  #seen = 0
  #pace: Pace = { pacing: false }
  #source: Source | undefined

  constructor(metrics: RouteMetrics, status: () => Standing) {
    this.#metrics = metrics
    this.#status = status
  }

  /** Messages waiting in the source when it was last asked; undefined = it cannot tell. */
  get lag(): number | undefined {
    return this.#lag
  }

  /** Lag, nothing in the way, and nothing moved for twice the time after which the source would have been rebuilt. */
  get stuck(): boolean {
    return this.#idle(2 * STUCK_AFTER)
  }

  #idle(ms: number): boolean {
    const count = this.#metrics.received + this.#metrics.settled
    const { state, heldLanes } = this.#status()
    const inOrder = (this.#lag ?? 0) === 0 || state !== 'running' || heldLanes > 0 || this.#pace.pacing
    if (count !== this.#seen || inOrder || this.#source?.standingBy === true) {
      this.#seen = count
      this.#moved = performance.now()
    }
    return performance.now() - this.#moved > ms
  }

  /** Polls the lag while the source lives; calls `stuck` when it has lag, the line is empty and nothing arrives. */
  watch(source: Source, pace: Pace, stuck: (error: SluiceError) => void): { stop(): void } {
    const abort = new AbortController()
    let asking = false
    this.#pace = pace
    this.#source = source
    this.#moved = performance.now()
    const timer = setInterval(async () => {
      if (this.#idle(STUCK_AFTER) && this.#status().inFlight === 0)
        stuck(
          new SluiceError(
            'SOURCE_STUCK',
            `${this.#lag} messages wait in the source and none arrived for ${STUCK_AFTER / 1000} s`,
          ),
        )
      if (asking || source.lag === undefined) return
      asking = true
      try {
        const lag = source.lag(abort.signal)
        this.#lag = await within(lag, { ms: LAG_WAIT, signal: abort.signal, what: 'asking for the lag' })
      } catch {
        // A lag that cannot be had is unknown; the source itself reports what is wrong with it.
        this.#lag = undefined
      } finally {
        asking = false
      }
    }, ASK_EVERY)
    return {
      stop: () => {
        clearInterval(timer)
        abort.abort()
        this.#pace = { pacing: false }
        this.#source = undefined
      },
    }
  }
}
