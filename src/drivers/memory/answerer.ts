import { SluiceError } from '../../core/errors.ts'
import type { Message } from '../../core/message.ts'
import type { Sink } from '../../core/ports.ts'
import { answering } from '../../core/reply-addressing.ts'
import type { Answer, Answerer } from '../../core/reply-ports.ts'

/** Answers go to the address that the request names as `replyTo`, where it exists. */
export class MemoryAnswerer implements Answerer {
  readonly #sink: Sink

  /** @param sink publishes each message to the address that is its subject */
  constructor(sink: Sink) {
    this.#sink = sink
  }

  expects(request: Message): boolean {
    return request.properties.replyTo !== undefined
  }

  async answer(answers: readonly Answer[], signal: AbortSignal): Promise<readonly (SluiceError | null)[]> {
    const messages = answers.map(({ request: { properties }, reply }) =>
      answering(reply, properties.correlationId).with({ subject: properties.replyTo! }),
    )
    // Each is a run of its own: the failure of one is not another's.
    const results = await this.#sink.publish(
      messages,
      signal,
      messages.map((_, index) => index),
    )
    return results.map((result, index) =>
      result?.code === 'ADDRESS_MISSING'
        ? new SluiceError('REQUESTER_GONE', `memory address "${messages[index]!.subject}" does not exist`)
        : result,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sink[Symbol.asyncDispose]()
  }
}
