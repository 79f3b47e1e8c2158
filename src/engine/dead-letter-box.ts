import { randomUUID } from 'node:crypto'
import type { Config, DeadLetterConfig, RouteConfig } from '../config/schema.ts'
import { SluiceError } from '../core/errors.ts'
import { featuresOf } from '../core/features.ts'
import type { HeaderValue } from '../core/header-value.ts'
import type { Delivery, EndpointContext, Log } from '../core/ports.ts'
import type { Registry } from '../core/registry.ts'
import { Conditions } from './conditions.ts'
import { Connections } from './connections.ts'
import type { Item } from './item.ts'
import { type DeadLetter, type DeadLetterFilter, matches, readLetter, revive } from './letter.ts'
import { LetterReader } from './letter-reader.ts'
import { Line } from './line.ts'
import { Nudge } from './nudge.ts'
import { RateLimit } from './rate.ts'
import { Telemetry } from './telemetry.ts'

export interface BoxOptions {
  readonly config: Config
  readonly registry: Registry
  readonly route: string
  readonly log: Log
  readonly baseDir: string
}

export interface BoxProgress {
  readonly seen: number
  readonly matched: number
  readonly done: number
  readonly failed: number
}

export interface RedriveOptions {
  readonly dryRun?: boolean
  /** Messages per second. */
  readonly rate?: number
  readonly setHeaders?: readonly (readonly [string, HeaderValue])[]
  readonly onProgress?: (progress: BoxProgress) => void
}

/** Messages of one key wait for each other on the way; so many are on the way at once. */
const IN_FLIGHT = 500
/** Looking settles nothing, so what is looked at is held unsettled: at most so many at once. */
const MOST_LOOKED_AT = 50_000

/**
 * The dead letters of one route. Reading leaves them where they are; redriving sends them through the route's own line to
 * its target and takes them out only when that has confirmed. What fails again is a new dead letter.
 */
export class DeadLetterBox {
  readonly #options: BoxOptions
  readonly #route: RouteConfig
  readonly #place: DeadLetterConfig

  /** Throws CONFIG_INVALID when the route does not exist or has no dead-letter target to read. */
  constructor(options: BoxOptions) {
    const route = options.config.routes.get(options.route)
    if (route === undefined) throw new SluiceError('CONFIG_INVALID', `there is no route "${options.route}"`)
    if (route.deadLetter === undefined || route.deadLetter === 'discard')
      throw new SluiceError('CONFIG_INVALID', `route "${route.name}" keeps no dead letters`, {
        hint: 'Give it a `deadLetter` target.',
      })
    this.#options = options
    this.#route = route
    this.#place = route.deadLetter
  }

  /** Every dead letter that matches, oldest first. */
  async *list(filter: DeadLetterFilter, signal: AbortSignal): AsyncGenerator<DeadLetter> {
    await using stack = new AsyncDisposableStack()
    const reader = await this.#reader(stack, true, signal)
    let count = 0
    for await (const delivery of reader.deliveries()) {
      const letter = readLetter(delivery.message)
      await reader.keep(delivery)
      if (!matches(letter, filter, Date.now())) continue
      yield letter
      if (++count >= (filter.limit ?? Number.POSITIVE_INFINITY)) return
    }
  }

  /** Removes what matches for good. Resolves when the target has let go of them. */
  async purge(filter: DeadLetterFilter, options: RedriveOptions, signal: AbortSignal): Promise<BoxProgress> {
    await using stack = new AsyncDisposableStack()
    const reader = await this.#reader(stack, options.dryRun === true, signal)
    const count = { seen: 0, matched: 0, done: 0, failed: 0 }
    for await (const delivery of reader.deliveries()) {
      count.seen++
      const wanted =
        matches(readLetter(delivery.message), filter, reader.started) &&
        count.matched < (filter.limit ?? Number.POSITIVE_INFINITY)
      if (wanted) count.matched++
      if (!wanted || options.dryRun === true) await reader.keep(delivery)
      else {
        delivery.ack()
        count.done++
      }
      options.onProgress?.(count)
    }
    return count
  }

  /** Sends what matches through the route again. `failed` = it became a dead letter once more. */
  async redrive(filter: DeadLetterFilter, options: RedriveOptions, signal: AbortSignal): Promise<BoxProgress> {
    await using stack = new AsyncDisposableStack()
    const count = { seen: 0, matched: 0, done: 0, failed: 0 }
    const nudge = new Nudge()
    const line = stack.use(
      await this.#line(item => {
        if (item.outcome === 'dropped') return
        if (item.outcome === 'dead-lettered') count.failed++
        else count.done++
        options.onProgress?.(count)
        nudge.nudge()
      }),
    )
    const reader = await this.#reader(stack, options.dryRun === true, signal)
    const rate = options.rate === undefined ? undefined : new RateLimit(options.rate)
    for await (const delivery of reader.deliveries()) {
      count.seen++
      const wanted =
        matches(readLetter(delivery.message), filter, reader.started) &&
        count.matched < (filter.limit ?? Number.POSITIVE_INFINITY)
      if (wanted) count.matched++
      if (!wanted || options.dryRun === true) {
        await reader.keep(delivery)
        continue
      }
      if (rate !== undefined && (await rate.take(1, signal)) === 0) break
      line.pipeline.admit([revived(delivery, options.setHeaders ?? [])])
      while (line.pipeline.inFlight >= IN_FLIGHT && !signal.aborted) await nudge.wait(1_000, signal)
    }
    line.pipeline.flush()
    while (line.pipeline.inFlight > 0 && !signal.aborted) await nudge.wait(1_000, signal)
    return count
  }

  async #reader(stack: AsyncDisposableStack, looks: boolean, signal: AbortSignal): Promise<LetterReader> {
    const connections = this.#connections()
    const context = this.#context(looks ? MOST_LOOKED_AT : 2 * IN_FLIGHT)
    const place = this.#place
    const lease = stack.use(connections.use(place.connection))
    const driver = this.#options.registry.drivers.get(connections.driverOf(place.connection))!
    if (driver.readBack === undefined)
      throw new SluiceError(
        'NOT_SUPPORTED',
        `the driver "${driver.name}" cannot read back what it wrote, so its dead letters cannot be listed`,
      )
    const options = driver.readBack(place.options, `sluice-dlq.${this.#route.name}`)
    if (options === undefined)
      throw new SluiceError(
        'NOT_SUPPORTED',
        `the dead letters of route "${this.#route.name}" go to a place that cannot be read as a whole`,
        { hint: 'Read where they end up, or name a queue, a topic or a stream by a fixed name as `deadLetter`.' },
      )
    const source = stack.use(await lease.connection.source(options, context, signal))
    const sink = stack.use(await lease.connection.sink(place.options, context, signal))
    return new LetterReader({
      source,
      sink,
      each: featuresOf(driver, 'source', options).redelivery === 'each',
      looks,
      run: randomUUID(),
      signal,
    })
  }

  #line(left: (item: Item) => void): Promise<Line> {
    const { registry, log, baseDir } = this.#options
    const connections = this.#connections()
    return Line.create({
      // The running gateway owns the dedup store; a redriven message has a new id and is no copy.
      // Nor does its window count here: a redrive of what is still broken ends with the same dead letters.
      // Who asked for an answer has long gone. Of what a window or batch holds, no more comes than is on the way here.
      route: {
        ...this.#route,
        inFlight: IN_FLIGHT,
        dedup: undefined,
        reply: undefined,
        deadLetter: { ...this.#place, window: undefined },
      },
      mark: `${this.#route.name}@redrive-${randomUUID().slice(0, 8)}`,
      registry,
      connections,
      conditions: new Conditions(this.#route.name, log),
      metrics: new Telemetry().route(this.#route.name),
      context: () => this.#context(IN_FLIGHT),
      baseDir,
      log,
      left,
      redrive: true,
      moved: () => {},
      tripped: () => {},
    })
  }

  #connections(): Connections {
    const { config, registry, baseDir, log } = this.#options
    return new Connections(config.connections, registry, baseDir, log)
  }

  #context(inFlight: number): EndpointContext {
    return {
      route: this.#route.name,
      inFlight,
      inFlightBytes: 256 * 2 ** 20,
      log: this.#options.log,
      status: () => {},
    }
  }
}

function revived(delivery: Delivery, setHeaders: readonly (readonly [string, HeaderValue])[]): Delivery {
  return {
    message: revive(delivery.message, setHeaders),
    get expired() {
      return delivery.expired
    },
    ack: () => delivery.ack(),
    release: delayMs => delivery.release(delayMs),
  }
}
