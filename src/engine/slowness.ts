import type { Log } from '../core/ports.ts'
import type { Item } from './item.ts'

/** At most one warning in this time, in ms, with the slowest message since the last. */
const QUIET = 10_000

/** Warns of messages that took longer than the route's `slow`. */
export class Slowness {
  readonly #route: string
  readonly #limit: number
  readonly #log: Log
  #slowest = 0
  #count = 0
  #warned = 0

  /** @param limit milliseconds; 0 = never warn. */
  constructor(route: string, limit: number, log: Log) {
    this.#route = route
    this.#limit = limit
    this.#log = log
  }

  look(item: Item, ms: number): void {
    if (this.#limit === 0 || ms <= this.#limit) return
    this.#count++
    this.#slowest = Math.max(this.#slowest, ms)
    const now = Date.now()
    if (now - this.#warned < QUIET) return
    const slowest = Math.round(this.#slowest)
    const fields = { route: this.#route, slowest, count: this.#count, id: item.message.id }
    this.#log.warn(fields, `route ${this.#route}: ${this.#count} slow message(s), the slowest took ${slowest} ms`)
    this.#warned = now
    this.#slowest = 0
    this.#count = 0
  }
}
