import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Closing } from '../core/gather.ts'
import type { Item } from './item.ts'
import { LatencyCounts } from './latency-counts.ts'
import { watchProcess } from './process-metrics.ts'
import { RequestMetrics } from './request-metrics.ts'

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

const COUNTS = [
  'received',
  'bytes',
  'retried',
  'reconnects',
  'delivered',
  'filtered',
  'deduplicated',
  'late',
  'discarded',
  'refused',
  'expired',
] as const
type Count = (typeof COUNTS)[number]

/** What a route reports when it is asked, for gauges. */
export interface RouteGauges {
  readonly inFlight: number
  readonly heldLanes: number
  /** Messages that wait in open batches and windows. */
  readonly held: number
  readonly lag: number | undefined
  /** 1 = takes messages. */
  readonly up: boolean
  /** 1 = it stands still, and goes on only after somebody has acted. */
  readonly blocked: boolean
  /** Of a route with `reply`: requests sent and not answered. */
  readonly pending?: number | undefined
}

/** The metrics of a gateway, in Prometheus' words. One registry per gateway: no state is shared between gateways. */
export class Telemetry {
  readonly registry = new Registry()
  readonly #metrics = new Map<string, RouteMetrics>()
  readonly #routes = new Map<string, () => RouteGauges>()
  readonly #labels = ['route'] as const
  readonly counters = {
    received: this.#counter('received_total', 'Messages received from the source'),
    bytes: this.#counter('received_bytes_total', 'Body bytes received'),
    delivered: this.#counter('delivered_total', 'Messages confirmed by the target and acknowledged at the source'),
    filtered: this.#counter('filtered_total', 'Messages dropped by a transform'),
    deduplicated: this.#counter('deduplicated_total', 'Messages recognised as copies'),
    late: this.#counter('late_total', 'Messages dropped because their window had closed before they came'),
    retried: this.#counter('retried_total', 'Failed attempts that were followed by another'),
    expired: this.#counter('expired_total', 'Deliveries given up because their session ended; they come again'),
    discarded: this.#counter('discarded_total', 'Poison messages dropped by `deadLetter: discard`'),
    refused: this.#counter('refused_total', 'Requests that got an error for an answer and were not dead-lettered'),
    reconnects: this.#counter('reconnects_total', 'Sources rebuilt after a lost session'),
  }
  readonly settled = this.#counter('settled_total', 'Messages acknowledged at the source, whatever became of them')
  readonly deadLettered = new Counter({
    name: 'sluice_dead_lettered_total',
    help: 'Messages written to the dead-letter target, by reason',
    labelNames: ['route', 'reason'],
    registers: [this.registry],
  })
  readonly gathered = new Counter({
    name: 'sluice_gathered_total',
    help: 'Batches and windows that closed, by what closed them',
    labelNames: ['route', 'closed'],
    registers: [this.registry],
  })
  readonly requests = {
    requests: new Counter({
      name: 'sluice_requests_total',
      help: 'Requests of routes with `reply`, by how they ended',
      labelNames: ['route', 'outcome'],
      registers: [this.registry],
    }),
    late: this.#counter('late_replies_total', 'Answers that came after the time-out, or twice, and were dropped'),
    seconds: this.#histogram('reply_seconds', 'From a request until its answer arrives from the target'),
  }
  readonly latency = this.#histogram('latency_seconds', 'From receipt to the acknowledgement at the source')
  readonly publish = this.#histogram('publish_seconds', 'One publish call: a batch until it is confirmed')

  constructor() {
    this.#gauge('in_flight', 'Messages received and not yet settled', route => route.inFlight)
    this.#gauge('held_lanes', 'Ordering keys that wait for another attempt', route => route.heldLanes)
    this.#gauge('held_messages', 'Messages that wait in open batches and windows', route => route.held)
    this.#gauge('source_lag', 'Messages waiting in the source', route => route.lag)
    this.#gauge('requests_pending', 'Requests sent and not answered', route => route.pending)
    this.#gauge('route_up', '1 = the route takes messages', route => (route.up ? 1 : 0))
    this.#gauge('route_blocked', '1 = the route stands still until somebody acts', route => (route.blocked ? 1 : 0))
    watchProcess(this.registry)
  }

  /** Registers a route; the function is asked at each scrape. */
  watch(route: string, gauges: () => RouteGauges): void {
    this.#routes.set(route, gauges)
  }

  /** The text Prometheus scrapes. */
  metrics(): Promise<string> {
    for (const metrics of this.#metrics.values()) metrics.tell()
    return this.registry.metrics()
  }

  /** The metrics of a route; a route that is made anew goes on counting. */
  route(route: string): RouteMetrics {
    let metrics = this.#metrics.get(route)
    if (metrics === undefined) {
      metrics = new RouteMetrics(this, route)
      this.#metrics.set(route, metrics)
    }
    return metrics
  }

  /** A route is gone: nothing of it is scraped any more. */
  async forget(route: string): Promise<void> {
    this.#metrics.delete(route)
    this.#routes.delete(route)
    for (const metric of this.registry.getMetricsAsArray()) {
      if (metric instanceof Histogram) metric.remove({ route })
      else if (metric instanceof Counter)
        for (const { labels } of (await metric.get()).values) if (labels['route'] === route) metric.remove(labels)
    }
  }

  #counter(name: string, help: string) {
    return new Counter({ name: `sluice_${name}`, help, labelNames: this.#labels, registers: [this.registry] })
  }

  #histogram(name: string, help: string) {
    return new Histogram({
      name: `sluice_${name}`,
      help,
      labelNames: this.#labels,
      buckets: SECONDS,
      registers: [this.registry],
    })
  }

  #gauge(name: string, help: string, read: (route: RouteGauges) => number | undefined): void {
    const routes = this.#routes
    new Gauge({
      name: `sluice_${name}`,
      help,
      labelNames: this.#labels,
      registers: [this.registry],
      collect() {
        this.reset()
        for (const [route, gauges] of routes) {
          const value = read(gauges())
          if (value !== undefined) this.set({ route }, value)
        }
      },
    })
  }
}

/**
 * The metrics of one route. Counts are plain numbers while messages pass, and go into Prometheus' counters when somebody
 * asks: a counter costs a hundred times an addition.
 */
export class RouteMetrics {
  readonly #telemetry: Telemetry
  readonly #route: string
  readonly #latency
  readonly #publish
  readonly #counts: Record<Count, number> = {
    received: 0,
    bytes: 0,
    retried: 0,
    reconnects: 0,
    delivered: 0,
    filtered: 0,
    deduplicated: 0,
    late: 0,
    discarded: 0,
    refused: 0,
    expired: 0,
  }
  readonly #told: Record<Count, number> = { ...this.#counts }
  #requests: RequestMetrics | undefined
  readonly latency = new LatencyCounts()
  settled = 0
  deadLettered = 0
  #toldSettled = 0

  constructor(telemetry: Telemetry, route: string) {
    this.#telemetry = telemetry
    this.#route = route
    this.#latency = telemetry.latency.labels(route)
    this.#publish = telemetry.publish.labels(route)
  }

  get received(): number {
    return this.#counts.received
  }

  /** How messages ended so far. */
  get counts(): Readonly<Record<Count | 'deadLettered', number>> {
    return { ...this.#counts, deadLettered: this.deadLettered }
  }

  /** Those of its requests; there once it is asked for. */
  get requests(): RequestMetrics {
    return (this.#requests ??= new RequestMetrics(this.#telemetry.requests, this.#route))
  }

  took(messages: number, bytes: number): void {
    this.#counts.received += messages
    this.#counts.bytes += bytes
  }

  /** Received, and left to come again before they were put on the line. */
  gaveBack(messages: number): void {
    this.#counts.expired += messages
  }

  retried(): void {
    this.#counts.retried++
  }

  reconnected(): void {
    this.#counts.reconnects++
  }

  published(seconds: number): void {
    this.#publish.observe(seconds)
  }

  /** A batch or window closed. */
  gathered(closing: Closing): void {
    this.#telemetry.gathered.labels(this.#route, closing).inc()
  }

  /** An item left the line after `seconds`. */
  left(item: Item, seconds: number): void {
    const { outcome } = item
    if (outcome === 'dropped') {
      this.#counts.expired++
      return
    }
    if (outcome === 'dead-lettered') {
      this.deadLettered++
      this.#telemetry.deadLettered.labels(this.#route, item.poison?.code ?? 'UNKNOWN').inc()
    } else this.#counts[outcome]++
    this.settled++
    this.latency.add(seconds)
    this.#latency.observe(seconds)
  }

  /** Brings Prometheus' counters up to date. */
  tell(): void {
    for (const name of COUNTS) {
      const grown = this.#counts[name] - this.#told[name]
      this.#told[name] = this.#counts[name]
      this.#telemetry.counters[name].labels(this.#route).inc(grown)
    }
    this.#telemetry.settled.labels(this.#route).inc(this.settled - this.#toldSettled)
    this.#toldSettled = this.settled
    this.#requests?.tell()
  }
}
