import type { Bell } from './bell.ts'
import type { Place, Subscription, Taken } from './place.ts'
import { SortedList } from './sorted-list.ts'
import type { Stored } from './stored.ts'

interface Entry {
  /** Place in the queue; a message that comes back takes its old place again. */
  readonly number: number
  readonly stored: Stored
  attempts: number
  dueAt: number
  taken: QueueTaken | undefined
}

/** Messages are settled one by one; attempts are counted; several subscriptions share the work. */
export class MemoryQueue implements Place {
  readonly mode = 'queue'
  readonly name: string
  readonly #limit: number
  readonly #ready = new SortedList<Entry>(entry => entry.number)
  readonly #held = new SortedList<Entry>(entry => entry.dueAt)
  readonly #taken = new Set<Entry>()
  readonly #bells = new Set<Bell>()
  #next = 1

  /** @param limit most messages kept; beyond it appends are refused. */
  constructor(name: string, limit: number) {
    this.name = name
    this.#limit = limit
  }

  append(stored: Stored): boolean {
    if (this.#ready.size + this.#held.size + this.#taken.size >= this.#limit) return false
    this.#ready.add({ number: this.#next++, stored, attempts: 0, dueAt: 0, taken: undefined })
    this.#ring()
    return true
  }

  subscribe(_group: string, bell: Bell): Subscription {
    this.#bells.add(bell)
    return new QueueSubscription(this, () => this.#bells.delete(bell))
  }

  contents(): readonly Stored[] {
    return [...this.#ready, ...this.#held, ...this.#taken].sort((a, b) => a.number - b.number).map(e => e.stored)
  }

  unsettled(): number {
    return this.#taken.size
  }

  get waiting(): number {
    return this.#ready.size + this.#held.size
  }

  next(maxBytes: number): Entry | undefined {
    for (const now = Date.now(); this.#held.first !== undefined && this.#held.first.dueAt <= now; )
      this.#ready.add(this.#held.shift()!)
    const entry = this.#ready.first
    if (entry === undefined || entry.stored.size > maxBytes) return undefined
    this.#taken.add(this.#ready.shift()!)
    entry.attempts++
    return entry
  }

  dueInMs(): number | undefined {
    return this.#held.first === undefined ? undefined : Math.max(1, Math.ceil(this.#held.first.dueAt - Date.now()))
  }

  remove(entry: Entry): void {
    entry.taken = undefined
    this.#taken.delete(entry)
  }

  giveBack(entry: Entry, delayMs: number): void {
    this.remove(entry)
    entry.dueAt = Date.now() + delayMs
    if (delayMs > 0) this.#held.add(entry)
    else this.#ready.add(entry)
    this.#ring()
  }

  #ring(): void {
    for (const bell of this.#bells) bell.ring()
  }
}

class QueueSubscription implements Subscription {
  readonly #queue: MemoryQueue
  readonly #leave: () => void
  readonly #mine = new Set<QueueTaken>()
  epoch = 0

  constructor(queue: MemoryQueue, leave: () => void) {
    this.#queue = queue
    this.#leave = leave
  }

  take(max: number, maxBytes: number): readonly Taken[] {
    const batch: QueueTaken[] = []
    let room = maxBytes
    while (batch.length < max) {
      const entry = this.#queue.next(batch.length === 0 ? Number.POSITIVE_INFINITY : room)
      if (entry === undefined) break
      const taken = new QueueTaken(this.#queue.name, entry)
      this.#mine.add(taken)
      batch.push(taken)
      room -= entry.stored.size
    }
    return batch
  }

  dueInMs(): number | undefined {
    return this.#queue.dueInMs()
  }

  ack(taken: QueueTaken): void {
    if (this.#mine.delete(taken)) this.#queue.remove(taken.entry)
  }

  release(taken: QueueTaken, delayMs: number): void {
    if (this.#mine.delete(taken)) this.#queue.giveBack(taken.entry, delayMs)
  }

  redeliver(taken: QueueTaken): void {
    this.release(taken, 0)
  }

  get lag(): number {
    return this.#queue.waiting
  }

  close(): void {
    this.#leave()
    this.epoch++
    for (const taken of this.#mine) this.#queue.giveBack(taken.entry, 0)
    this.#mine.clear()
  }
}

class QueueTaken implements Taken {
  readonly entry: Entry
  readonly stored: Stored
  readonly sequence: string
  readonly position: string
  readonly identity: string
  readonly attempt: number

  constructor(queue: string, entry: Entry) {
    this.entry = entry
    this.stored = entry.stored
    this.sequence = queue
    this.position = String(entry.number)
    this.identity = `${queue}:${entry.number}`
    this.attempt = entry.attempts
    entry.taken = this
  }

  get live(): boolean {
    return this.entry.taken === this
  }
}
