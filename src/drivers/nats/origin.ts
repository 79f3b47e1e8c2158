import type { Origin } from '../../core/message.ts'
import type { AckSubject } from './ack-subject.ts'

/** A message of a stream. */
export class StreamOrigin implements Origin {
  readonly connection: string
  readonly address: string
  readonly attempt: number
  readonly #sequence: number
  readonly #time: number

  constructor(connection: string, stream: string, ack: AckSubject) {
    this.connection = connection
    this.address = stream
    this.attempt = ack.deliveries
    this.#sequence = ack.streamSequence
    this.#time = ack.time
  }

  get sequence(): string {
    return this.address
  }

  get position(): string {
    return String(this.#sequence)
  }

  // With the time: a stream that was deleted and made anew counts from 1 again.
  get identity(): string {
    return `${this.address}/${this.#sequence}@${this.#time}`
  }
}

/** A message of core NATS, which has no place and no name of its own. */
export class CoreOrigin implements Origin {
  readonly connection: string
  readonly address: string
  readonly sequence: string
  readonly attempt: number
  readonly #count: number

  /** @param count messages this subscription got, this one included */
  constructor(connection: string, subject: string, subscription: string, count: number, attempt: number) {
    this.connection = connection
    this.address = subject
    this.sequence = subscription
    this.#count = count
    this.attempt = attempt
  }

  get position(): string {
    return String(this.#count)
  }

  /** Of the same message, handed out once more. */
  again(): CoreOrigin {
    return new CoreOrigin(this.connection, this.address, this.sequence, this.#count, this.attempt + 1)
  }
}
