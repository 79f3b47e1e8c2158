import type { Gateway } from '../engine/gateway.ts'
import { quantile } from '../engine/latency-counts.ts'
import type { Route } from '../engine/route.ts'

/** One look a second, kept for five minutes. */
export const EVERY_MS = 1_000
export const KEPT = 300
/** Rates and latencies shown as current are those of so many looks. */
const RECENT = 5

const COLUMNS = ['received', 'settled', 'deadLettered', 'lag', 'inFlight', 'oldestMs', 'p50Ms', 'p99Ms'] as const
export type Column = (typeof COLUMNS)[number]

/** Per second where it counts messages; null = unknown. */
export type History = Readonly<Record<Column, readonly (number | null)[]>>

export interface Current {
  readonly received: number
  readonly settled: number
  readonly deadLettered: number
  readonly p50Ms: number | undefined
  readonly p99Ms: number | undefined
}

interface Looked {
  readonly received: number
  readonly settled: number
  readonly deadLettered: number
  readonly latency: Float64Array
}

/** Rates and latencies of each route over the last minutes: a few numbers per route and second. */
export class Sampler implements Disposable {
  readonly #gateway: Gateway
  readonly #series = new Map<string, Series>()
  readonly #timer: NodeJS.Timeout

  constructor(gateway: Gateway) {
    this.#gateway = gateway
    this.#timer = setInterval(() => this.sample(), EVERY_MS)
    this.#timer.unref()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  sample(): void {
    const present = new Set<string>()
    for (const { name } of this.#gateway.status) {
      const route = this.#gateway.route(name)
      if (route === undefined) continue
      present.add(name)
      let series = this.#series.get(name)
      if (series === undefined) this.#series.set(name, (series = new Series()))
      series.add(route)
    }
    for (const name of this.#series.keys()) if (!present.has(name)) this.#series.delete(name)
  }

  current(route: string): Current {
    return this.#series.get(route)?.current ?? NOTHING
  }

  /** Oldest first; undefined for a route that has not been looked at. */
  history(route: string): History | undefined {
    return this.#series.get(route)?.history
  }
}

const NOTHING: Current = { received: 0, settled: 0, deadLettered: 0, p50Ms: undefined, p99Ms: undefined }

class Series {
  readonly #points = Object.fromEntries(COLUMNS.map(column => [column, new Float32Array(KEPT)])) as Record<
    Column,
    Float32Array
  >
  #count = 0
  #metrics: unknown
  #looks: Looked[] = []

  add(route: Route): void {
    const { metrics } = route.details
    const { lag, inFlight, oldestMs } = route.status
    const { received, deadLettered } = metrics.counts
    const look = { received, settled: metrics.settled, deadLettered, latency: metrics.latency.look() }
    // A route that was started anew counts from 0.
    if (this.#metrics !== metrics) this.#looks = [{ received: 0, settled: 0, deadLettered: 0, latency: ZERO }]
    this.#metrics = metrics
    const before = this.#looks.at(-1)!
    this.#looks.push(look)
    if (this.#looks.length > RECENT + 1) this.#looks.shift()
    const seconds = EVERY_MS / 1000
    const at = this.#count++ % KEPT
    const values: Record<Column, number | undefined> = {
      received: (look.received - before.received) / seconds,
      settled: (look.settled - before.settled) / seconds,
      deadLettered: (look.deadLettered - before.deadLettered) / seconds,
      lag,
      inFlight,
      oldestMs: oldestMs ?? 0,
      p50Ms: milliseconds(quantile(before.latency, look.latency, 0.5)),
      p99Ms: milliseconds(quantile(before.latency, look.latency, 0.99)),
    }
    for (const column of COLUMNS) this.#points[column][at] = values[column] ?? Number.NaN
  }

  get current(): Current {
    const [first, last] = [this.#looks[0]!, this.#looks.at(-1)!]
    const seconds = ((this.#looks.length - 1) * EVERY_MS) / 1000
    if (seconds === 0) return NOTHING
    const rate = (count: 'received' | 'settled' | 'deadLettered') => (last[count] - first[count]) / seconds
    return {
      received: rate('received'),
      settled: rate('settled'),
      deadLettered: rate('deadLettered'),
      p50Ms: milliseconds(quantile(first.latency, last.latency, 0.5)),
      p99Ms: milliseconds(quantile(first.latency, last.latency, 0.99)),
    }
  }

  get history(): History {
    const kept = Math.min(this.#count, KEPT)
    const start = this.#count - kept
    const read = (column: Column) =>
      Array.from({ length: kept }, (_, i) => {
        const value = this.#points[column][(start + i) % KEPT]!
        return Number.isNaN(value) ? null : Math.round(value * 100) / 100
      })
    return Object.fromEntries(COLUMNS.map(column => [column, read(column)])) as unknown as History
  }
}

const ZERO = new Float64Array(32)
const milliseconds = (seconds: number | undefined): number | undefined =>
  seconds === undefined ? undefined : seconds * 1000
