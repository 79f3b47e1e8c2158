import type { SluiceError } from '../../core/errors.ts'
import type { Batch } from '../../core/publish-batch.ts'
import type { Publication } from './publish-frames.ts'

/** A message that was sent and is not confirmed. */
export interface Pending {
  readonly publication: Publication
  readonly batch: Batch
  readonly index: number
  /** performance.now() when it was sent. */
  readonly at: number
  /** Why the exchange returned it; the confirm comes after. */
  returned: SluiceError | undefined
}

/** Unconfirmed messages by their number on the channel (1, 2, 3 …), settled one by one or up to a number. */
export class PendingTable {
  // A deque: numbers `first` + 0 … in slots[head] …; confirmed ones are undefined until the head passes them.
  #slots: (Pending | undefined)[] = []
  #head = 0
  #first = 1
  #size = 0

  /** Sent and not confirmed. */
  get size(): number {
    return this.#size
  }

  get oldest(): Pending | undefined {
    return this.#slots[this.#head]
  }

  add(pending: Pending): void {
    this.#slots.push(pending)
    this.#size++
  }

  /** Takes out what the confirm covers. Unknown numbers are ignored. */
  confirm(number: number, multiple: boolean, each: (pending: Pending) => void): void {
    const last = number - this.#first
    if (last < 0 || this.#head + last >= this.#slots.length) return
    for (let i = multiple ? 0 : last; i <= last; i++) {
      const pending = this.#slots[this.#head + i]
      if (pending === undefined) continue
      this.#slots[this.#head + i] = undefined
      this.#size--
      each(pending)
    }
    this.#advance()
  }

  /** Takes out everything, oldest first. */
  drain(each: (pending: Pending) => void): void {
    const slots = this.#slots
    const head = this.#head
    this.#first += slots.length - head
    this.#slots = []
    this.#head = this.#size = 0
    for (let i = head; i < slots.length; i++) {
      const pending = slots[i]
      if (pending !== undefined) each(pending)
    }
  }

  /** The first unconfirmed one from `number` on that `fits`, with its number. */
  find(number: number, fits: (pending: Pending) => boolean): { number: number; pending: Pending } | undefined {
    for (let i = Math.max(0, number - this.#first); this.#head + i < this.#slots.length; i++) {
      const pending = this.#slots[this.#head + i]
      if (pending !== undefined && fits(pending)) return { number: this.#first + i, pending }
    }
    return undefined
  }

  #advance(): void {
    while (this.#head < this.#slots.length && this.#slots[this.#head] === undefined) {
      this.#head++
      this.#first++
    }
    if (this.#head === this.#slots.length) {
      this.#slots = []
      this.#head = 0
    } else if (this.#head > 4096 && this.#head * 2 > this.#slots.length) {
      this.#slots = this.#slots.slice(this.#head)
      this.#head = 0
    }
  }
}
