import type { Item } from './item.ts'

/** Stands where an item was that has been taken. */
const GONE = undefined as unknown as Item

/**
 * The queue of one ordering key. At most one turn of a lane is under way.
 * Invariant 4: what is in a lane leaves it in the order it came, whatever fails on the way.
 */
export class Lane {
  readonly key: string | undefined
  /** A turn is under way, or the lane sleeps between attempts. */
  busy = false
  /** performance.now() before which the next turn must not begin: the wait before another attempt; 0 = none. */
  notBefore = 0
  #items: Item[] = []
  #head = 0

  constructor(key: string | undefined) {
    this.key = key
  }

  get length(): number {
    return this.#items.length - this.#head
  }

  push(item: Item): void {
    this.#items.push(item)
  }

  /** Takes the next items in order: at most `count`, and no more than `bytes` unless one alone is larger. */
  take(count: number, bytes: number): Item[] {
    const end = Math.min(this.#items.length, this.#head + count)
    let taken = this.#head
    let size = 0
    while (taken < end) {
      size += this.#items[taken]!.delivery.message.size
      if (size > bytes && taken > this.#head) break
      taken++
    }
    if (this.#head === 0 && taken === this.#items.length) {
      const all = this.#items
      this.#items = []
      return all
    }
    const run = this.#items.slice(this.#head, taken)
    // What was taken is let go of at once: a lane that never empties must not keep the bodies of what has long been settled.
    this.#items.fill(GONE, this.#head, taken)
    this.#head = taken
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return run
  }

  /** Puts items back at the front, in their order. */
  putBack(items: readonly Item[]): void {
    this.#items = [...items, ...this.#items.slice(this.#head)]
    this.#head = 0
  }

  clear(): Item[] {
    const rest = this.#items.slice(this.#head)
    this.#items = []
    this.#head = 0
    return rest
  }
}

/**
 * The lanes of a route. A lane exists only while something is in it, so their number is bounded by what is in flight,
 * however many keys there are. Messages without a key get a lane of their own each: nothing orders them.
 */
export class Lanes {
  readonly #byKey = new Map<string, Lane>()

  get size(): number {
    return this.#byKey.size
  }

  of(key: string | undefined): Lane {
    if (key === undefined) return new Lane(undefined)
    let lane = this.#byKey.get(key)
    if (lane === undefined) {
      lane = new Lane(key)
      this.#byKey.set(key, lane)
    }
    return lane
  }

  /** Forgets a lane that has nothing left. */
  release(lane: Lane): void {
    if (lane.key !== undefined && lane.length === 0 && !lane.busy) this.#byKey.delete(lane.key)
  }

  /** Empties every lane that is waiting and answers with what was in them. */
  clear(): Item[] {
    const rest: Item[] = []
    for (const lane of this.#byKey.values()) {
      for (const item of lane.clear()) rest.push(item)
      this.release(lane)
    }
    return rest
  }
}
