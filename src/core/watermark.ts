/** Positions from `from` up to, and without, `to`. */
export interface Range {
  readonly from: number
  readonly to: number
}

/**
 * The contiguous watermark over positions that are opened in ascending order and closed in any order.
 * Invariant 2: `mark` is the last position such that it and everything opened before it is closed.
 * Positions may have gaps (Kafka offsets after compaction, aborted transactions).
 */
export class Watermark {
  // A power-of-two ring of open-or-closed positions; head = oldest open one.
  #positions: number[] = new Array(64)
  #closed = new Uint8Array(64)
  #head = 0
  #size = 0
  #mark: number | undefined

  /** The highest position up to which everything opened is closed; undefined before the first. */
  get mark(): number | undefined {
    return this.#mark
  }

  /** Positions opened and not yet below the mark, closed ones behind a gap included. */
  get size(): number {
    return this.#size
  }

  /** The oldest position that is still open, or undefined. */
  get oldest(): number | undefined {
    return this.#size === 0 ? undefined : this.#positions[this.#head & (this.#closed.length - 1)]
  }

  /**
   * What is closed beyond the oldest open position, in ascending order. Positions between closed ones that were never
   * opened count as closed.
   */
  closedBeyond(): Range[] {
    const ranges: Range[] = []
    const mask = this.#closed.length - 1
    let range: { from: number; to: number } | undefined
    for (let i = this.#head; i < this.#head + this.#size; i++) {
      const position = this.#positions[i & mask]!
      if (this.#closed[i & mask] === 0) range = undefined
      else if (range !== undefined) range.to = position + 1
      else ranges.push((range = { from: position, to: position + 1 }))
    }
    return ranges
  }

  /** Registers a position greater than any before it. Throws RangeError otherwise. */
  open(position: number): void {
    const mask = this.#closed.length - 1
    if (this.#size > 0 && this.#positions[(this.#head + this.#size - 1) & mask]! >= position)
      throw new RangeError(`position ${position} is not after ${this.#positions[(this.#head + this.#size - 1) & mask]}`)
    if (this.#size === this.#closed.length) this.#grow()
    const slot = (this.#head + this.#size) & (this.#closed.length - 1)
    this.#positions[slot] = position
    this.#closed[slot] = 0
    this.#size++
  }

  /** Closes a position; unknown or already closed ones are ignored. Returns true when the mark moved. */
  close(position: number): boolean {
    const slot = this.#find(position)
    if (slot < 0) return false
    const mask = this.#closed.length - 1
    this.#closed[slot] = 1
    let moved = false
    while (this.#size > 0 && this.#closed[this.#head & mask] === 1) {
      this.#mark = this.#positions[this.#head & mask]
      this.#head = (this.#head + 1) & mask
      this.#size--
      moved = true
    }
    return moved
  }

  // Positions ascend in the ring, so a binary search finds one; the dense case (no gaps) hits at the first guess.
  #find(position: number): number {
    const mask = this.#closed.length - 1
    if (this.#size === 0) return -1
    const guess = position - this.#positions[this.#head & mask]!
    if (guess < 0) return -1
    if (guess < this.#size && this.#positions[(this.#head + guess) & mask] === position)
      return (this.#head + guess) & mask
    let low = 0
    let high = Math.min(this.#size - 1, guess)
    while (low <= high) {
      const middle = (low + high) >> 1
      const found = this.#positions[(this.#head + middle) & mask]!
      if (found === position) return (this.#head + middle) & mask
      if (found < position) low = middle + 1
      else high = middle - 1
    }
    return -1
  }

  #grow(): void {
    const length = this.#closed.length
    const positions: number[] = new Array(length * 2)
    const closed = new Uint8Array(length * 2)
    for (let i = 0; i < this.#size; i++) {
      const slot = (this.#head + i) & (length - 1)
      positions[i] = this.#positions[slot]!
      closed[i] = this.#closed[slot]!
    }
    this.#positions = positions
    this.#closed = closed
    this.#head = 0
  }
}
