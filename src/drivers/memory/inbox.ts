import type { Message } from '../../core/message.ts'
import type { Source } from '../../core/ports.ts'
import { answering, asking } from '../../core/reply-addressing.ts'
import type { Reply, ReplyInbox } from '../../core/reply-ports.ts'

/** An address of its own, read by a source of its own. */
export class MemoryInbox implements ReplyInbox {
  readonly #address: string
  readonly #source: Source
  readonly #left: () => void
  #lost = false

  /** @param left called when it is closed in order: nobody will read the address any more */
  constructor(address: string, source: Source, left: () => void) {
    this.#address = address
    this.#source = source
    this.#left = left
  }

  ask(request: Message, correlation: string): Message {
    return asking(request, this.#address, correlation)
  }

  async *receive(signal: AbortSignal): AsyncGenerator<readonly Reply[], void, void> {
    try {
      for await (const batch of this.#source.receive(signal)) {
        for (const delivery of batch) delivery.ack()
        yield batch.map(({ message }) => ({
          correlation: message.properties.correlationId ?? '',
          message: answering(message, undefined),
        }))
      }
    } catch (error) {
      this.#lost = true
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source[Symbol.asyncDispose]()
    if (!this.#lost) this.#left()
  }
}
