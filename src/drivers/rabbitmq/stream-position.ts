import type { SessionMemory } from './vacancy.ts'

/** Where a stream goes on after a lost session: RabbitMQ keeps no position of an AMQP 0-9-1 consumer. */
export class StreamPosition {
  readonly #from: string | number
  readonly #memory: SessionMemory
  // Offsets of deliveries that are not known to be settled, by tag, ascending.
  #offsets = new Map<number, number>()

  constructor(from: string | number, memory: SessionMemory) {
    this.#from = from
    this.#memory = memory
  }

  /** `x-stream-offset` for the next consumer. */
  get start(): string | number {
    return this.#memory.next ?? this.#from
  }

  delivered(tag: number, offset: number | undefined, settledUpTo: number): void {
    if (offset === undefined) return
    this.#offsets.set(tag, offset)
    if (this.#offsets.size > 4096 && this.#offsets.size % 1024 === 0) this.#settled(settledUpTo)
  }

  /** The channel is gone; everything up to this tag was acknowledged. */
  ended(settledUpTo: number): void {
    this.#settled(settledUpTo)
    this.#offsets.clear()
  }

  // Invariant 2: the position moves only over what is settled without a gap.
  #settled(mark: number): void {
    for (const [tag, offset] of this.#offsets) {
      if (tag > mark) return
      this.#memory.next = offset + 1
      this.#offsets.delete(tag)
    }
  }
}
