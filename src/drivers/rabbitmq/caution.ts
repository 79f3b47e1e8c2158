import type { CrashNote } from './crash-note.ts'

/**
 * From this delivery on a message is taken alone. Well below RabbitMQ 4's delivery limit of 20, and no sooner: what is taken
 * alone from many that were given back goes behind the others when it is given back again (measured on 4.0), so that the
 * order of its key is lost.
 */
const ALONE_FROM = 8

/**
 * A quorum queue counts everything that was out when a consumer is lost, and RabbitMQ 4 drops at a limit: a gateway that is
 * killed again and again before anything is acknowledged would lose all it had prefetched. What a queue has counted shows
 * only on delivery, when everything is out and will be counted once more; so a note is left for the next session, which
 * then takes one message at a time until one comes that has not been out so often.
 */
export class Caution {
  readonly #note: CrashNote | undefined
  #alone: boolean
  #noted: boolean

  /**
   * @param note undefined where nothing is counted, where the session cannot be opened anew with another prefetch, and in
   * every session of a process but its first
   */
  constructor(note: CrashNote | undefined) {
    this.#note = note
    this.#alone = note?.there ?? false
    this.#noted = this.#alone
  }

  /** One message at a time. */
  get alone(): boolean {
    return this.#alone
  }

  /** True when this message, delivered so often, gives cause for caution. */
  saw(attempt: number): boolean {
    if (attempt < ALONE_FROM) return false
    if (!this.#noted) this.#note?.write(attempt)
    this.#noted = true
    return true
  }

  /** From now on as many as there may be. */
  end(): void {
    this.#alone = false
    this.#noted = false
    this.#note?.remove()
  }
}
