import type { HeaderEntry } from './headers.ts'
import type { Message, Properties } from './message.ts'

/** What a sink would publish beyond the message and the texts of its options; what is absent stays as it is. */
export interface Preview {
  /** Where it goes, by the names of the sink's options, e.g. a routing key that the options leave to the message. */
  readonly to?: Readonly<Record<string, unknown>>
  /** Headers that the sink itself sets. */
  readonly headers?: readonly HeaderEntry[]
  readonly properties?: Properties
}

export interface Previewer {
  /** Largest body, in bytes, where the options say so; else Features.maxBytes. */
  readonly maxBytes?: number | undefined
  /** Throws what publishing would say of the message, e.g. MESSAGE_REFUSED. */
  of(message: Message): Preview
}
