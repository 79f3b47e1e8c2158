import type { RouteConfig } from '../config/schema.ts'
import { asSluiceError } from '../core/errors.ts'
import type { EndpointContext, Log, Source } from '../core/ports.ts'
import { Admission } from './admission.ts'
import { backoffDelay, sleep } from './backoff.ts'
import type { BudgetShare } from './budget.ts'
import type { Conditions } from './conditions.ts'
import type { Connections, Lease } from './connections.ts'
import { HOPELESS, settled } from './drain.ts'
import type { Line } from './line.ts'
import type { Nudge } from './nudge.ts'
import { openSource } from './open-source.ts'
import { closeQuietly } from './patience.ts'
import { Pause } from './pause.ts'
import type { Progress } from './progress.ts'
import { receive } from './session.ts'
import { Suspects } from './suspects.ts'
import type { RouteMetrics } from './telemetry.ts'
import type { Track } from './track.ts'

/** What a route receives with. Those that a swap replaces are asked for each time. */
export interface ReceptionOptions {
  readonly config: () => RouteConfig
  readonly conditions: () => Conditions
  readonly line: () => Line | undefined
  readonly context: () => EndpointContext
  readonly metrics: RouteMetrics
  readonly progress: Progress
  readonly share: BudgetShare
  readonly nudge: Nudge
  /** The route stops receiving. */
  readonly signal: AbortSignal
  readonly log: Log
}

/** How often a source is rebuilt at most, and at least: waits in ms. */
export const REBUILD = { initial: 100, max: 5_000, factor: 2, jitter: 0.2 }

/** Keeps the source of a route open, session after session. */
export class Reception {
  readonly #options: ReceptionOptions
  readonly #pause = new Pause()
  readonly #suspects = new Suspects()
  #source: Source | undefined
  #lease: Lease | undefined

  constructor(options: ReceptionOptions) {
    this.#options = options
  }

  /** Stops receiving; what is in flight finishes, and then the source is closed. */
  pause(): void {
    this.#options.conditions().paused = true
    this.#pause.begin()
    this.#options.nudge.nudge()
  }

  resume(): void {
    this.#options.conditions().paused = false
    this.#pause.end()
  }

  /** Of a paused route: until nothing is in flight and the source is closed; false when it was resumed or `signal` aborted. */
  async drained(signal: AbortSignal): Promise<boolean> {
    const { line, nudge } = this.#options
    const empty = () => this.#source === undefined && (line()?.pipeline.inFlight ?? 0) === 0
    while (this.#pause.on && !empty() && !signal.aborted) await nudge.wait(50, signal)
    return this.#pause.on && empty()
  }

  /** Receives until the signal aborts: opens the source, and opens it anew when it fails. */
  async run(connections: Connections, track: Track): Promise<void> {
    const { config, conditions, context, metrics, progress, signal } = this.#options
    this.#lease = connections.use(config().from.connection)
    for (let failures = 0; !signal.aborted; ) {
      const before = metrics.settled
      let started = Number.POSITIVE_INFINITY
      await this.#pause.over(signal)
      const session = this.#pause.session(signal)
      try {
        this.#source = await openSource(this.#lease.connection, config().from.options, context(), session)
        this.#suspects.session()
        conditions().phase('running')
        conditions().clear('source')
        started = performance.now()
        await receive(this.#source, { admission: this.#admission(track, session), progress, signal: session })
        await this.#leave()
      } catch (error) {
        if (signal.aborted) return
        if (session.aborted) {
          await this.drop()
          continue
        }
        // A session that lasted, or got something done, is no reason to wait longer for the next.
        const good = metrics.settled > before || performance.now() - started > REBUILD.max
        failures = good ? 1 : failures + 1
        metrics.reconnected()
        const reason = asSluiceError(error, 'CONNECTION_LOST')
        conditions().raise('source', reason)
        await this.drop()
        await sleep(Math.max(backoffDelay(REBUILD, failures), reason.retryAfterMs ?? 0), signal)
      }
    }
  }

  #admission(track: Track, signal: AbortSignal): Admission {
    const { share: budget, metrics, nudge } = this.#options
    return new Admission({ track, budget, metrics, suspects: this.#suspects, nudge, signal })
  }

  // Paused. What waits in batches and windows for others is given back with the source: it comes again. So does, when the
  // route is resumed meanwhile, what does not get out within a while.
  async #leave(): Promise<void> {
    const { line, nudge, signal } = this.#options
    await settled(line()!.pipeline, nudge, this.#pause.until(signal))
    await settled(line()!.pipeline, nudge, AbortSignal.any([signal, AbortSignal.timeout(HOPELESS)]))
    if (!signal.aborted) await this.drop()
  }

  /** Closes the source: pending acks go out with it; its deliveries expire, and what they left on the line goes. */
  async drop(): Promise<void> {
    const { config, conditions, line, log } = this.#options
    const source = this.#source
    this.#source = undefined
    await closeQuietly(source, `the source of route ${config().name}`, log)
    conditions().clear('source broker')
    line()?.pipeline.sweep()
  }

  /** Closes the source, and gives its connection back. */
  async close(): Promise<void> {
    const { config, log } = this.#options
    await this.drop()
    await closeQuietly(this.#lease, `the connection of route ${config().name}`, log)
  }
}
