/** A list in ascending order of a number. Adding at the end and taking from the front, the usual case, take constant time. */
export class SortedList<T> implements Iterable<T> {
  readonly #rank: (item: T) => number
  #items: T[] = []
  #head = 0

  constructor(rank: (item: T) => number) {
    this.#rank = rank
  }

  get size(): number {
    return this.#items.length - this.#head
  }

  get first(): T | undefined {
    return this.#items[this.#head]
  }

  /** After those of equal rank. */
  add(item: T): void {
    const rank = this.#rank(item)
    let low = this.#head
    let high = this.#items.length
    if (high > low && this.#rank(this.#items[high - 1]!) <= rank) low = high
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#rank(this.#items[middle]!) <= rank) low = middle + 1
      else high = middle
    }
    if (low === this.#items.length) this.#items.push(item)
    else this.#items.splice(low, 0, item)
  }

  shift(): T | undefined {
    if (this.size === 0) return undefined
    const item = this.#items[this.#head++]
    // Taken places are given up once they are the larger half, so that the list never keeps more than twice its size.
    if (this.#head > 32 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let i = this.#head; i < this.#items.length; i++) yield this.#items[i]!
  }
}
