import { DIGEST_BYTES } from './key-digest.ts'

const WORDS = DIGEST_BYTES / 4
const FIRST_SLOTS = 1_024
const NONE = -1

/**
 * Confirmed keys in the order of their confirmation, each with the time it is remembered until. Every call is O(1) (growth
 * amortised) and nothing is allocated per key: 44 bytes of typed arrays hold one. When `most` are held, adding one drops
 * the oldest. Invariant 6: nothing queues without a bound.
 */
export class KeyIndex {
  readonly #most: number
  #slots: number
  #digests: Uint32Array
  #until: Float64Array
  #tags: Float64Array
  // The order of confirmation is a doubly linked list through the slots; `next` also links the free ones.
  #next: Int32Array
  #previous: Int32Array
  #oldest = NONE
  #newest = NONE
  #free = NONE
  #used = 0
  // Open addressing with linear probing; an entry is a slot + 1, 0 = empty. Never more than half full.
  #table: Int32Array
  #size = 0
  readonly #words = new Uint32Array(WORDS)

  constructor(most: number) {
    this.#most = most
    this.#slots = Math.min(most, FIRST_SLOTS)
    this.#digests = new Uint32Array(this.#slots * WORDS)
    this.#until = new Float64Array(this.#slots)
    this.#tags = new Float64Array(this.#slots)
    this.#next = new Int32Array(this.#slots)
    this.#previous = new Int32Array(this.#slots)
    this.#table = new Int32Array(tableSize(this.#slots))
  }

  get size(): number {
    return this.#size
  }

  /** The tag of the oldest key, or undefined when there is none. */
  get oldestTag(): number | undefined {
    return this.#oldest === NONE ? undefined : this.#tags[this.#oldest]
  }

  /** The time until which the key is remembered; 0 = unknown. */
  until(digest: string): number {
    const entry = this.#find(digest)
    return this.#table[entry] === 0 ? 0 : this.#until[this.#table[entry]! - 1]!
  }

  /** Makes the key the newest, remembered until `until`. `tag` is the caller's own number, ascending. */
  add(digest: string, until: number, tag = 0): void {
    const known = this.#table[this.#find(digest)]!
    if (known !== 0) this.#remove(known - 1)
    if (this.#size === this.#most) this.#remove(this.#oldest)
    if (this.#free === NONE && this.#used === this.#slots) this.#grow()
    const slot = this.#free === NONE ? this.#used++ : this.#free
    if (slot === this.#free) this.#free = this.#next[slot]!
    const entry = this.#find(digest)
    this.#table[entry] = slot + 1
    this.#digests.set(this.#words, slot * WORDS)
    this.#until[slot] = until
    this.#tags[slot] = tag
    this.#next[slot] = NONE
    this.#previous[slot] = this.#newest
    if (this.#newest === NONE) this.#oldest = slot
    else this.#next[this.#newest] = slot
    this.#newest = slot
    this.#size++
  }

  /** Drops keys from the oldest on while their time is over, `most` of them at most. */
  expire(now: number, most: number): void {
    for (let left = most; left > 0 && this.#oldest !== NONE && this.#until[this.#oldest]! <= now; left--)
      this.#remove(this.#oldest)
  }

  #remove(slot: number): void {
    this.#vacate(this.#entryOf(slot))
    const next = this.#next[slot]!
    const previous = this.#previous[slot]!
    if (previous === NONE) this.#oldest = next
    else this.#next[previous] = next
    if (next === NONE) this.#newest = previous
    else this.#previous[next] = previous
    this.#next[slot] = this.#free
    this.#free = slot
    this.#size--
  }

  // The table entry that holds the digest, or the empty one where it would go. Leaves the digest in #words.
  #find(digest: string): number {
    const words = this.#words
    for (let i = 0; i < WORDS; i++) {
      const at = i * 4
      words[i] =
        digest.charCodeAt(at) |
        (digest.charCodeAt(at + 1) << 8) |
        (digest.charCodeAt(at + 2) << 16) |
        (digest.charCodeAt(at + 3) << 24)
    }
    const mask = this.#table.length - 1
    let entry = words[0]! & mask
    for (let held = this.#table[entry]!; held !== 0; held = this.#table[entry]!) {
      if (this.#holds(held - 1)) return entry
      entry = (entry + 1) & mask
    }
    return entry
  }

  #holds(slot: number): boolean {
    for (let i = 0; i < WORDS; i++) if (this.#digests[slot * WORDS + i] !== this.#words[i]) return false
    return true
  }

  #entryOf(slot: number): number {
    const mask = this.#table.length - 1
    let entry = this.#home(slot)
    while (this.#table[entry] !== slot + 1) entry = (entry + 1) & mask
    return entry
  }

  #home(slot: number): number {
    return this.#digests[slot * WORDS]! & (this.#table.length - 1)
  }

  // Empties an entry and moves later ones of its run back, so that no search stops short of its key.
  #vacate(entry: number): void {
    const mask = this.#table.length - 1
    let hole = entry
    for (let at = (hole + 1) & mask; this.#table[at] !== 0; at = (at + 1) & mask) {
      const distance = (at - this.#home(this.#table[at]! - 1)) & mask
      if (distance < ((at - hole) & mask)) continue
      this.#table[hole] = this.#table[at]!
      hole = at
    }
    this.#table[hole] = 0
  }

  #grow(): void {
    const slots = Math.min(this.#most, this.#slots * 2)
    this.#digests = widen(new Uint32Array(slots * WORDS), this.#digests)
    this.#until = widen(new Float64Array(slots), this.#until)
    this.#tags = widen(new Float64Array(slots), this.#tags)
    this.#next = widen(new Int32Array(slots), this.#next)
    this.#previous = widen(new Int32Array(slots), this.#previous)
    this.#slots = slots
    this.#table = new Int32Array(tableSize(slots))
    const mask = this.#table.length - 1
    for (let slot = this.#oldest; slot !== NONE; slot = this.#next[slot]!) {
      let entry = this.#home(slot)
      while (this.#table[entry] !== 0) entry = (entry + 1) & mask
      this.#table[entry] = slot + 1
    }
  }
}

function widen<A extends Uint32Array | Float64Array | Int32Array>(wide: A, narrow: A): A {
  wide.set(narrow)
  return wide
}

// A power of two, at least twice as many as there are slots.
function tableSize(slots: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(slots, 1) * 2))
}
