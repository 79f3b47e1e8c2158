/** Grants are given in portions of this part of the limit, so that not every message costs one. */
const PORTION = 4
/** Size that messages are taken to have before any came, in bytes. */
const FIRST_GUESS = 1_024
/** Weight of the newest message in the average size. */
const WEIGHT = 1 / 32

/**
 * How many more messages may come. What was permitted cannot be taken back, so it counts like what is held; its bytes are
 * guessed from what came. Invariant 6: never more than `count` messages, and about `bytes` bytes.
 */
export class Window {
  readonly #count: number
  readonly #bytes: number
  #permitted = 0
  #held = 0
  #heldBytes = 0
  #average = FIRST_GUESS

  constructor(count: number, bytes: number) {
    this.#count = count
    this.#bytes = bytes
  }

  /** A permitted message came. */
  arrived(bytes: number): void {
    this.#permitted--
    this.#held++
    this.#heldBytes += bytes
    // Grows at once and shrinks slowly: a burst of large messages is what the limit is for.
    this.#average = bytes > this.#average ? bytes : this.#average + (bytes - this.#average) * WEIGHT
  }

  /** A permitted message came that is not kept: it is held already, or comes again. */
  passedOver(): void {
    this.#permitted--
  }

  settled(bytes: number): void {
    this.#held--
    this.#heldBytes -= bytes
  }

  /** How many to permit now; 0 = wait until more are settled. They count as permitted from now on. */
  grant(): number {
    const byCount = this.#count - this.#held - this.#permitted
    const byBytes = Math.floor((this.#bytes - this.#heldBytes) / this.#average) - this.#permitted
    // One at least, or a message larger than all of the share would stand still.
    const room = Math.min(byCount, this.#held + this.#permitted === 0 ? Math.max(1, byBytes) : byBytes)
    const portion = Math.max(1, Math.floor(this.#count / PORTION))
    if (room <= 0 || (room < portion && this.#permitted > 0)) return 0
    this.#permitted += room
    return room
  }
}
