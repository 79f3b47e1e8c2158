import type { RouteConfig } from '../config/schema.ts'
import { asSluiceError } from '../core/errors.ts'
import type { EndpointContext } from '../core/ports.ts'
import { milliseconds, perSecond } from '../core/schema.ts'
import type { BudgetShare } from './budget.ts'
import { Conditions, type Endpoint } from './conditions.ts'
import { drain } from './drain.ts'
import type { Item } from './item.ts'
import { Line } from './line.ts'
import type { LineParts } from './line-parts.ts'
import { Nudge } from './nudge.ts'
import { closeQuietly, within } from './patience.ts'
import { persist } from './persistence.ts'
import { Progress } from './progress.ts'
import { RateLimit } from './rate.ts'
import type { RecentError } from './recent-errors.ts'
import { REBUILD, Reception } from './reception.ts'
import type { RouteDeps } from './route-deps.ts'
import type { RouteStatus } from './route-status.ts'
import { Slowness } from './slowness.ts'
import { type Successor, swapLine } from './swap.ts'
import { Tap } from './tap.ts'
import type { RouteMetrics } from './telemetry.ts'
import { Track } from './track.ts'

/** Longest time for everything to close once the draining is over, in ms; what hangs then is left behind. */
const CLOSING = 5_000

/** One route's life: builds its line, keeps a source open, drains and closes. The path of a message is in pipeline.ts. */
export class Route {
  config: RouteConfig
  /** Where its messages can be watched. */
  readonly tap = new Tap()
  readonly #reception: Reception
  #deps: RouteDeps
  #conditions: Conditions
  readonly #metrics: RouteMetrics
  readonly #progress: Progress
  #slowness: Slowness
  readonly #share: BudgetShare
  /** Ends the receiving. */
  readonly #stop = new AbortController()
  /** Ends everything. */
  readonly #kill = new AbortController()
  #line: Line | undefined
  #track: Track | undefined
  #running: Promise<void> | undefined
  /** Something moved: an item left the line or will be tried again, a gate opened or closed. */
  readonly #nudge = new Nudge()

  constructor(config: RouteConfig, deps: RouteDeps) {
    this.config = config
    this.#deps = deps
    this.#conditions = new Conditions(config.name, deps.log)
    this.#metrics = deps.telemetry.route(config.name)
    this.#share = deps.budget.share()
    this.#progress = new Progress(this.#metrics, () => this.status)
    this.#slowness = new Slowness(config.name, milliseconds(config.slow), deps.log)
    this.#reception = new Reception({
      config: () => this.config,
      conditions: () => this.#conditions,
      line: () => this.#line,
      context: () => this.#context('source'),
      metrics: this.#metrics,
      progress: this.#progress,
      share: this.#share,
      nudge: this.#nudge,
      signal: this.#stop.signal,
      log: deps.log,
    })
    deps.telemetry.watch(config.name, () => {
      const { inFlight, heldLanes, lag, state, requests } = this.status
      const held = this.#line?.pipeline.held ?? 0
      const [up, blocked] = [state === 'running', state === 'blocked' || state === 'stopped']
      return { inFlight, heldLanes, lag, up, blocked, held, pending: requests?.pending }
    })
  }

  get status(): RouteStatus {
    return {
      name: this.config.name,
      state: this.#conditions.state,
      conditions: this.#conditions.list,
      received: this.#metrics.received,
      settled: this.#metrics.settled,
      inFlight: this.#line?.pipeline.inFlight ?? 0,
      heldLanes: this.#line?.pipeline.lanes.held ?? 0,
      lag: this.#progress.lag,
      oldestMs: this.#line?.pipeline.oldestMs(),
      ...(this.config.reply && { requests: this.#metrics.requests.status(this.#line?.pendingRequests) }),
    }
  }

  /** Counts, latencies and last errors, for who looks closely. */
  get details(): { readonly metrics: RouteMetrics; readonly errors: readonly RecentError[] } {
    return { metrics: this.#metrics, errors: this.#conditions.errors.list }
  }

  /** Stops receiving; what is in flight finishes, and then the source is closed. */
  pause(): void {
    this.#reception.pause()
  }

  resume(): void {
    this.#reception.resume()
  }

  /** Of a paused route: until nothing is in flight and the source is closed; false when it was resumed or `signal` aborted. */
  drained(signal: AbortSignal): Promise<boolean> {
    return this.#reception.drained(signal)
  }

  /** False when the source has lag, nothing stands in the way, and nothing has moved for a minute: progress, not a ping. */
  get live(): boolean {
    return !this.#progress.stuck
  }

  /** Starts in the background; a broker that is away holds the route, it is no error. */
  start(): void {
    this.#running = this.#run()
  }

  /**
   * Stops receiving, waits up to `deadlineMs` until everything in flight is settled, closes in reverse order.
   * What is left comes again from the broker. True: nothing was left.
   */
  async stop(deadlineMs: number): Promise<boolean> {
    this.#conditions.phase('draining')
    this.#stop.abort()
    await this.#drain(AbortSignal.any([AbortSignal.timeout(deadlineMs), this.#kill.signal]))
    const empty = (this.#line?.pipeline.inFlight ?? 0) === 0
    this.#kill.abort()
    try {
      if (this.#running !== undefined) await within(this.#running, { ms: CLOSING, what: 'closing' })
    } catch (error) {
      const { message } = asSluiceError(error)
      this.#deps.log.warn(
        { route: this.config.name },
        `route ${this.config.name}: ${message}; what hangs is left behind`,
      )
    }
    this.#share.close()
    this.#conditions.phase('ended')
    return empty
  }

  /** Builds, beside the line that runs, the one for another configuration. Throws what its parts throw. */
  async build(config: RouteConfig, deps: RouteDeps): Promise<Successor<RouteDeps>> {
    const conditions = new Conditions(config.name, deps.log)
    return { config, deps, conditions, line: await Line.create(this.#parts(config, deps, conditions)) }
  }

  /**
   * The line is replaced, the source stays open. What is in flight is waited for up to `deadlineMs`; what is left then goes
   * on over the new line, in the order received. False: there is no line to take over from, or the route stops.
   */
  async swap({ config, deps, line, conditions }: Successor<RouteDeps>, deadlineMs: number): Promise<boolean> {
    const old = this.#line
    const track = this.#track
    const { signal } = this.#stop
    if (old === undefined || track === undefined || signal.aborted) return false
    const rate = rateOf(config)
    const install = () => {
      conditions.succeed(this.#conditions)
      this.config = config
      this.#deps = deps
      this.#conditions = conditions
      this.#slowness = new Slowness(config.name, milliseconds(config.slow), deps.log)
      this.#line = line
    }
    const emptied = () => this.#drain(AbortSignal.any([AbortSignal.timeout(deadlineMs), signal]))
    return swapLine({
      old,
      next: line,
      way: { config, line, rate },
      track,
      drain: emptied,
      install,
      signal,
      log: deps.log,
    })
  }

  #drain(deadline: AbortSignal): Promise<void> {
    return drain(this.#line?.pipeline, this.#conditions, this.#nudge, deadline)
  }

  // Never rejects.
  async #run(): Promise<void> {
    const name = this.config.name
    const killed = new Promise<void>(resolve => this.#kill.signal.addEventListener('abort', () => resolve()))
    try {
      await this.#prepare()
      await this.#receive()
      // Deliveries stay settleable until the source is disposed: the drain goes on while we wait here. A route that stopped by
      // itself gives back what it holds, so that somebody else may have it.
      if (this.#conditions.state === 'stopped') {
        await this.#drain(this.#kill.signal)
        await this.#reception.drop()
      }
      await killed
    } catch (error) {
      this.#conditions.raise('transform', asSluiceError(error))
    }
    await this.#close()
    this.#conditions.phase('ended')
    this.#deps.log.debug({ route: name }, `route ${name} ended`)
  }

  // The line first, then the proof that the target is there: a route without a target takes nothing from its source.
  async #prepare(): Promise<void> {
    const persisting = { conditions: this.#conditions, backoff: REBUILD, signal: this.#stop.signal }
    this.#line = await persist(() => Line.create(this.#parts(this.config, this.#deps, this.#conditions)), {
      ...persisting,
      part: 'transform',
      fallback: 'UNKNOWN',
    })
    const begin = async () => this.#line?.begin(this.#stop.signal)
    if (this.#line !== undefined) await persist(begin, { ...persisting, part: 'target', fallback: 'UNAVAILABLE' })
  }

  async #receive(): Promise<void> {
    if (this.#stop.signal.aborted) return
    const way = { config: this.config, line: this.#line!, rate: rateOf(this.config) }
    this.#track = new Track(way, this.#nudge)
    await this.#reception.run(this.#deps.connections, this.#track)
  }

  #left(item: Item): void {
    const ms = performance.now() - item.receivedAt
    this.#share.give(item.message.size)
    this.#metrics.left(item, ms / 1000)
    if (item.poison !== undefined) this.#conditions.errors.add(item.stage, item.poison)
    if (item.outcome !== 'dropped') this.#slowness.look(item, ms - item.waited)
    this.#nudge.nudge()
  }

  #parts(route: RouteConfig, deps: RouteDeps, conditions: Conditions): LineParts {
    return {
      ...deps,
      route,
      conditions,
      metrics: this.#metrics,
      context: part => this.#context(part, conditions),
      tap: this.tap,
      left: item => this.#left(item),
      lag: () => this.#progress.lag,
      moved: () => this.#nudge.nudge(),
      tripped: () => this.#stop.abort(),
    }
  }

  #context(part: Endpoint, conditions?: Conditions): EndpointContext {
    const { name, inFlight } = this.config
    return {
      route: name,
      inFlight,
      inFlightBytes: this.#deps.inFlightBytes,
      log: this.#deps.log,
      transactions: this.#line?.transactions,
      status: (state, reason) => (conditions ?? this.#conditions).report(part, state, reason),
    }
  }

  // In reverse order of opening.
  async #close(): Promise<void> {
    const { name } = this.config
    const { log } = this.#deps
    await this.#reception.close()
    await closeQuietly(this.#line, `the line of route ${name}`, log)
    this.#line = undefined
    await closeQuietly(this.#deps.kept, `what was kept for route ${name}`, log)
  }
}

const rateOf = ({ rate }: RouteConfig): RateLimit | undefined =>
  rate === undefined ? undefined : new RateLimit(perSecond(rate))
