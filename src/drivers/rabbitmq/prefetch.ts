import type { Caution } from './caution.ts'

/** Largest prefetch of AMQP 0-9-1. */
const MOST = 65_535
/** Where the session cannot be opened anew, and messages may turn out to be large. */
const CAREFUL = 256
/** Share of the byte limit that a new prefetch aims at: sizes vary. */
const AIM = 0.7
const GROW_EVERY_MS = 30_000
/** Deliveries over which sizes are averaged. */
const MEMORY = 1000

export interface PrefetchLimits {
  /** Most messages at once. */
  readonly count: number
  /** Most bytes at once. */
  readonly bytes: number
  /** As configured; then it never changes. */
  readonly fixed: number | undefined
  /** The channel may be opened anew with another prefetch. */
  readonly adaptable: boolean
  /** While it is alone the prefetch is 1. */
  readonly caution?: Caution
}

/**
 * How many messages the broker may send ahead. It begins with as many as may be in flight; when those turn out to hold too
 * many bytes, it shrinks, and grows again when messages have become smaller. A change takes another channel: a second
 * consumer on the same one would mix up the order in which a quorum queue gets back what was held.
 */
export class Prefetch {
  readonly #limits: PrefetchLimits
  #current: number
  #average = 0
  #growAt = 0

  constructor(limits: PrefetchLimits) {
    this.#limits = limits
    this.#current = Math.min(limits.fixed ?? (limits.adaptable ? MOST : CAREFUL), limits.count, MOST)
  }

  get current(): number {
    return this.#limits.caution?.alone ? 1 : this.#current
  }

  /** True when what is held is too large; the prefetch is smaller then, and the channel has to be opened anew. */
  shrinks(heldCount: number, heldBytes: number, now: number): boolean {
    const { bytes, fixed, adaptable } = this.#limits
    if (heldBytes <= bytes || heldCount < 2 || fixed !== undefined || !adaptable) return false
    this.#average = heldBytes / heldCount
    this.#current = Math.max(1, Math.floor((bytes * AIM) / this.#average))
    this.#growAt = now + GROW_EVERY_MS
    return true
  }

  observe(count: number, bytes: number): void {
    this.#average += (bytes / count - this.#average) * Math.min(1, count / MEMORY)
  }

  /** A prefetch worth another channel because messages have become smaller, or undefined. Asked too often it says no. */
  wanted(now: number): number | undefined {
    const { count, bytes } = this.#limits
    if (this.#growAt === 0 || now < this.#growAt) return undefined
    this.#growAt = now + GROW_EVERY_MS
    const target = Math.min(count, MOST, Math.floor((bytes * AIM) / Math.max(1, this.#average)))
    return target >= this.#current * 2 ? target : undefined
  }

  grow(to: number): void {
    this.#current = to
  }
}
