import { SluiceError } from '../../core/errors.ts'
import type { Message } from '../../core/message.ts'
import type { Sink } from '../../core/ports.ts'
import { answering } from '../../core/reply-addressing.ts'
import type { Answer, Answerer } from '../../core/reply-ports.ts'
import type { SinkOptions } from './sink-options.ts'
import { type Addressing, type Home, type Target, Targets, topicOf } from './target.ts'

type Result = SluiceError | null

/** How answers are sent; the topic is the requester's choice. */
export const ANSWERS: SinkOptions = { topic: '${subject}', timeout: '10s' }

/** Each answer goes where its request says: what a sink's templates are for other messages. */
export class AnswerTargets implements Addressing {
  readonly #addresses = new WeakMap<Message, string>()
  readonly #home: Home
  readonly #targets: Targets

  constructor(home: Home) {
    this.#home = home
    this.#targets = new Targets(ANSWERS, home)
  }

  /** The answer as it is to be published. */
  prepare({ request, reply }: Answer): Message {
    const message = answering(reply, request.properties.correlationId)
    this.#addresses.set(message, addressOf(request))
    return message
  }

  of(message: Message): Target {
    const topic = topicOf(this.#addresses.get(message), this.#home)
    // Its subject is where it goes, and no news.
    return this.#targets.to(topic, message.with({ subject: topic.local }))
  }
}

/** Answers to the topics that requests name. */
export class PulsarAnswerer implements Answerer {
  readonly #sink: Sink
  readonly #targets: AnswerTargets

  /** @param sink publishes each message where `targets` say */
  constructor(sink: Sink, targets: AnswerTargets) {
    this.#sink = sink
    this.#targets = targets
  }

  expects(request: Message): boolean {
    return addressOf(request) !== ''
  }

  // A call for each topic: one whose producer does not open must not hold up the others.
  async answer(answers: readonly Answer[], signal: AbortSignal): Promise<readonly Result[]> {
    const results = new Array<Result>(answers.length)
    const indexes = Map.groupBy(answers.keys(), index => addressOf(answers[index]!.request))
    await Promise.all([...indexes].map(([address, group]) => this.#send(address, answers, group, results, signal)))
    return results
  }

  async #send(
    address: string,
    answers: readonly Answer[],
    group: readonly number[],
    results: Result[],
    signal: AbortSignal,
  ): Promise<void> {
    const messages = group.map(index => this.#targets.prepare(answers[index]!))
    const published = await this.#sink.publish(messages, signal)
    for (const [at, index] of group.entries()) {
      const result = published[at]!
      results[index] =
        result?.code === 'ADDRESS_MISSING'
          ? new SluiceError('REQUESTER_GONE', `the topic "${address}", where the answer was to go, does not exist`)
          : result
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sink[Symbol.asyncDispose]()
  }
}

const addressOf = ({ properties }: Message): string => properties.replyTo ?? ''
