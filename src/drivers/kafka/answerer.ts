import { pack } from '../../core/carrier.ts'
import { SluiceError } from '../../core/errors.ts'
import type { Message } from '../../core/message.ts'
import type { Sink } from '../../core/ports.ts'
import type { Answer, Answerer } from '../../core/reply-ports.ts'
import { replyAddress, withCorrelation } from './reply-headers.ts'
import { type Addressing, type Target, topicName } from './target.ts'

/** Each answer goes where its request says: what a sink's templates are for other messages. */
export class AnswerTargets implements Addressing {
  readonly #addresses = new WeakMap<Message, Message>()
  readonly fixedTopic = undefined

  /** The answer as it is to be published. */
  prepare({ request, reply }: Answer): Message {
    const message = reply.with({})
    this.#addresses.set(message, request)
    return message
  }

  of(message: Message): Target {
    const request = this.#addresses.get(message)!
    const { topic, partition } = replyAddress(request)!
    const { headers, properties } = withCorrelation(message, request)
    const { key } = message
    return {
      topic: topicName(topic),
      partition,
      key: typeof key === 'string' ? Buffer.from(key) : key,
      headers: pack(headers, properties),
      timestamp: Date.now(),
    }
  }
}

/** Answers go to the topic, and the partition, that the request names. */
export class KafkaAnswerer implements Answerer {
  readonly #sink: Sink
  readonly #targets: AnswerTargets

  /** @param sink publishes each message where `targets` say */
  constructor(sink: Sink, targets: AnswerTargets) {
    this.#sink = sink
    this.#targets = targets
  }

  expects(request: Message): boolean {
    return replyAddress(request) !== undefined
  }

  async answer(answers: readonly Answer[], signal: AbortSignal): Promise<readonly (SluiceError | null)[]> {
    const messages = answers.map(answer => this.#targets.prepare(answer))
    // Each is a run of its own: the failure of one is not another's.
    const runs = messages.map((_, index) => index)
    const results = await this.#sink.publish(messages, signal, runs)
    return results.map((result, index) => {
      if (result?.code !== 'ADDRESS_MISSING') return result
      const topic = replyAddress(answers[index]!.request)?.topic
      return new SluiceError('REQUESTER_GONE', `the topic "${topic}", where the answer was to go, does not exist`)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sink[Symbol.asyncDispose]()
  }
}
