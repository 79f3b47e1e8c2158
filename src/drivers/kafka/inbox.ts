import type { Message } from '../../core/message.ts'
import type { Tenure } from './tenure.ts'

/** A record on its way through the source. */
export interface Held {
  readonly tenure: Tenure
  readonly offset: number
  readonly message: Message
  /** Bytes it keeps in memory, about. */
  readonly size: number
}

/**
 * Records that are held: waiting to be handed out, or out and not settled. Released ones count as out until they are
 * settled, however long they wait. Invariant 6: what is held is counted, so that it can be bounded.
 */
export class Inbox {
  #fresh: Held[] = []
  #next = 0
  #again: Held[] = []
  #freshBytes = 0
  #out = 0
  #outBytes = 0

  /** Fetched and never handed out. */
  get waiting(): number {
    return this.#fresh.length - this.#next
  }

  /** Handed out and not settled, those that wait to be handed out again included. */
  get out(): number {
    return this.#out
  }

  get bytes(): number {
    return this.#freshBytes + this.#outBytes
  }

  add(held: Held): void {
    this.#fresh.push(held)
    this.#freshBytes += held.size
  }

  /** A released record is due again. */
  addAgain(held: Held): void {
    this.#again.push(held)
  }

  /** What `take` would answer. */
  peek(limit: number): Held | undefined {
    if (this.#again.length > 0) return this.#again[0]
    return this.#out >= limit ? undefined : this.#fresh[this.#next]
  }

  /** The next record to hand out: released ones first, and of fresh ones only while fewer than `limit` are out. */
  take(limit: number): Held | undefined {
    const again = this.#again.shift()
    if (again !== undefined) return again
    if (this.#out >= limit || this.#next === this.#fresh.length) return undefined
    const held = this.#fresh[this.#next++]!
    if (this.#next === this.#fresh.length) {
      this.#fresh = []
      this.#next = 0
    } else if (this.#next >= 1_024 && this.#next * 2 >= this.#fresh.length) {
      this.#fresh = this.#fresh.slice(this.#next)
      this.#next = 0
    }
    this.#freshBytes -= held.size
    this.#out++
    this.#outBytes += held.size
    return held
  }

  settled(held: Held): void {
    this.#out--
    this.#outBytes -= held.size
  }

  /** Every assignment is over: nothing that is held counts any more. */
  clear(): void {
    this.#fresh = []
    this.#next = 0
    this.#again = []
    this.#freshBytes = 0
    this.#out = 0
    this.#outBytes = 0
  }
}
