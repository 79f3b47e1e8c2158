import type { SluiceError } from '../core/errors.ts'
import type { Message } from '../core/message.ts'
import type { Item } from './item.ts'
import type { Lane } from './lanes.ts'
import type { Run } from './publisher.ts'
import type { Unfinished } from './unfinished.ts'
import type { Verdict } from './verdicts.ts'

/** What a turn tells the pipeline. */
export interface TurnOwner {
  readonly unfinished: Unfinished
  /** An item of the turn has no output left: settle it, or put it aside when `item.poison` is set. */
  finished(item: Item): void
  /** Everything of the turn is settled or put aside. */
  ended(lane: Lane): void
  /** There is more to publish, not before `delayMs`. */
  again(turn: Turn, delayMs: number): void
  judge(item: Item, error: SluiceError, counts: boolean): Verdict
}

/** A run of one lane: the outputs of one or several items, published in order until none is left. */
export class Turn implements Run {
  readonly lane: Lane
  messages: readonly Message[]
  next = 0
  queued = 0
  /** The item each message came from. */
  #items: readonly Item[]
  readonly #owner: TurnOwner

  constructor(lane: Lane, messages: readonly Message[], items: readonly Item[], owner: TurnOwner) {
    this.lane = lane
    this.messages = messages
    this.#items = items
    this.#owner = owner
  }

  get begun(): boolean {
    for (let i = this.next; i < this.#items.length; i++) if (this.#items[i]!.begun) return true
    return false
  }

  done(results: readonly (SluiceError | null)[]): void {
    let failed = false
    for (const result of results) {
      if (result !== null) {
        failed = true
        break
      }
    }
    if (failed) this.#settleMixed(results)
    else this.#settleAll(results.length)
  }

  #settleAll(count: number): void {
    const end = this.next + count
    for (let i = this.next; i < end; i++) {
      const item = this.#items[i]!
      if (--item.pending === 0) this.#owner.finished(item)
      else this.#owner.unfinished.begin(item)
    }
    this.next = end
    if (end < this.messages.length) this.#owner.again(this, 0)
    else this.#owner.ended(this.lane)
  }

  // Invariant 4: what failed goes again before anything behind it; what is poison is put aside and lets the rest pass.
  #settleMixed(results: readonly (SluiceError | null)[]): void {
    let delay = 0
    let failing: Item | undefined
    for (let i = 0; i < results.length; i++) {
      const result = results[i]!
      const item = this.#items[this.next + i]!
      if (result === null || item.poison !== undefined) continue
      // Several outputs of one item that fail together are one failed attempt.
      const verdict = this.#owner.judge(item, result, item !== failing)
      failing = item
      if ('poison' in verdict) item.poison = verdict.poison
      else delay = Math.max(delay, verdict.delayMs)
    }
    const messages: Message[] = []
    const items: Item[] = []
    for (let i = this.next; i < this.messages.length; i++) {
      const item = this.#items[i]!
      // Of a message that is put aside as a whole, no further part is published.
      if (results[i - this.next] === null) this.#owner.unfinished.begin(item)
      if (results[i - this.next] === null || item.poison !== undefined) {
        if (--item.pending === 0) this.#owner.finished(item)
        continue
      }
      messages.push(this.messages[i]!)
      items.push(item)
    }
    this.messages = messages
    this.#items = items
    this.next = 0
    if (messages.length > 0) this.#owner.again(this, delay)
    else this.#owner.ended(this.lane)
  }

  // What is gone (a delivery that expired comes again by itself) need not be published any more.
  refresh(): boolean {
    let gone = false
    for (let i = this.next; i < this.messages.length && !gone; i++) gone = this.#items[i]!.gone
    if (!gone) return true
    const messages: Message[] = []
    const items: Item[] = []
    const dropped: Item[] = []
    for (let i = this.next; i < this.messages.length; i++) {
      const item = this.#items[i]!
      if (!item.gone) {
        messages.push(this.messages[i]!)
        items.push(item)
      } else if (dropped.at(-1) !== item) dropped.push(item)
    }
    this.messages = messages
    this.#items = items
    this.next = 0
    for (const item of dropped) {
      item.pending = 0
      item.outcome = 'dropped'
      this.#owner.finished(item)
    }
    if (messages.length > 0) return true
    this.#owner.ended(this.lane)
    return false
  }
}
