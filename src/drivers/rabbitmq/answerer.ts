import { asSluiceError, SluiceError } from '../../core/errors.ts'
import type { Message } from '../../core/message.ts'
import type { EndpointContext } from '../../core/ports.ts'
import { answering } from '../../core/reply-addressing.ts'
import type { Answer, Answerer } from '../../core/reply-ports.ts'
import { DirectRequesters, isDirect } from './direct-requesters.ts'
import type { Link } from './link.ts'
import { RabbitSink } from './sink.ts'

const CLOSE_MS = 3_000

type Result = SluiceError | null

/** Answers through the default exchange, to the queue in `reply-to`, or to a consumer of direct replies. */
export class RabbitAnswerer implements Answerer {
  readonly #queues: RabbitSink
  readonly #direct: RabbitSink
  readonly #requesters: DirectRequesters

  private constructor(queues: RabbitSink, direct: RabbitSink, requesters: DirectRequesters) {
    this.#queues = queues
    this.#direct = direct
    this.#requesters = requesters
  }

  /** @param isolated makes a connection for messages that may cost the one they are sent on */
  static async open(
    link: Link,
    isolated: () => Link,
    context: EndpointContext,
    signal: AbortSignal,
  ): Promise<RabbitAnswerer> {
    const queues = await RabbitSink.open(link, isolated, {}, context, signal)
    const direct = await RabbitSink.open(link, isolated, { mandatory: false }, context, signal)
    return new RabbitAnswerer(queues, direct, new DirectRequesters(link))
  }

  expects(request: Message): boolean {
    return addressOf(request) !== ''
  }

  async answer(answers: readonly Answer[], signal: AbortSignal): Promise<readonly Result[]> {
    const results = new Array<Result>(answers.length)
    const queued: number[] = []
    const direct: number[] = []
    for (const [index, { request }] of answers.entries()) (isDirect(addressOf(request)) ? direct : queued).push(index)
    await Promise.all([
      this.#publish(this.#queues, answers, queued, results, signal),
      this.#publishDirect(answers, direct, results, signal),
    ])
    return results
  }

  async #publishDirect(
    answers: readonly Answer[],
    indexes: readonly number[],
    results: Result[],
    signal: AbortSignal,
  ): Promise<void> {
    if (indexes.length === 0) return
    const address = (index: number) => addressOf(answers[index]!.request)
    let gone: ReadonlySet<string>
    try {
      gone = await this.#requesters.gone(new Set(indexes.map(address)), signal)
    } catch (error) {
      const reason = asSluiceError(error, 'CHANNEL_LOST')
      for (const index of indexes) results[index] = reason
      return
    }
    for (const index of indexes) if (gone.has(address(index))) results[index] = nobody(address(index))
    const there = indexes.filter(index => !gone.has(address(index)))
    await this.#publish(this.#direct, answers, there, results, signal)
  }

  async #publish(
    sink: RabbitSink,
    answers: readonly Answer[],
    indexes: readonly number[],
    results: Result[],
    signal: AbortSignal,
  ): Promise<void> {
    if (indexes.length === 0) return
    // Without `routingKey` a sink routes by the subject.
    const messages = indexes.map(at => {
      const { request, reply } = answers[at]!
      return answering(reply, request.properties.correlationId).with({ subject: addressOf(request) })
    })
    const published = await sink.publish(messages, signal)
    for (const [at, index] of indexes.entries()) {
      const result = published[at]!
      results[index] = result?.code === 'UNROUTABLE' ? nobody(addressOf(answers[index]!.request)) : result
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#requesters.close(AbortSignal.timeout(CLOSE_MS))
    await Promise.all([this.#queues[Symbol.asyncDispose](), this.#direct[Symbol.asyncDispose]()])
  }
}

const addressOf = ({ properties }: Message): string => properties.replyTo ?? ''

const nobody = (address: string) =>
  new SluiceError('REQUESTER_GONE', `nobody reads "${address}", where the answer was to go`)
