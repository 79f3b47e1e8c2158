import type { StreamDelivery } from './stream-delivery.ts'

/** Silence after which nothing more is expected to come again. */
const SILENCE_MS = 1_000

/**
 * The beginning of a session whose consumer has messages that were out before. The server puts them in front of new ones, but
 * in no reliable order among themselves (one that it tries to hand to a reader who is gone goes behind the others).
 * Invariant 4: so they are gathered, and handed out in the order of the stream before anything new.
 */
export class Gathering {
  readonly #expected: number
  #again: StreamDelivery[] = []
  #last = performance.now()

  /** @param expected how many there are */
  constructor(expected: number) {
    this.#expected = expected
  }

  /** One that came. What can be handed out once nothing more is to be gathered, in order; undefined until then. */
  add(delivery: StreamDelivery, room: boolean): readonly StreamDelivery[] | undefined {
    this.#last = performance.now()
    if (delivery.message.source.attempt === 1) return [...this.#sorted(), delivery]
    this.#again.push(delivery)
    return this.#again.length < this.#expected && room ? undefined : this.#sorted()
  }

  /** The same, looked at now and then: others may hold what does not come. */
  look(): readonly StreamDelivery[] | undefined {
    return performance.now() - this.#last < SILENCE_MS ? undefined : this.#sorted()
  }

  #sorted(): StreamDelivery[] {
    return this.#again.sort((a, b) => a.sequence - b.sequence)
  }
}
