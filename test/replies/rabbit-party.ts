import amqp, { type Channel, type ChannelModel, type ConfirmChannel, type ConsumeMessage } from 'amqplib'
import { until } from '../streams/ends.ts'
import type { Asked, Heard, Question, Requester, Responder } from './parties.ts'

export type Headers = Readonly<Record<string, unknown>>

export interface RabbitRequesterOptions {
  readonly url: string
  /** Where requests go; declared as a quorum queue. */
  readonly queue: string
  /** `direct`: amq.rabbitmq.reply-to · `queue`: an exclusive queue. */
  readonly replies: 'direct' | 'queue'
}

/** By amqplib. Correlation ids go as hexadecimal text: amqplib has no bytes for them. */
export class RabbitRequester implements Requester {
  readonly heard: Heard[] = []
  readonly #model: ChannelModel
  readonly #channel: ConfirmChannel
  readonly #options: RabbitRequesterOptions
  #replyTo = 'amq.rabbitmq.reply-to'

  private constructor(model: ChannelModel, channel: ConfirmChannel, options: RabbitRequesterOptions) {
    this.#model = model
    this.#channel = channel
    this.#options = options
  }

  static async open(options: RabbitRequesterOptions): Promise<RabbitRequester> {
    const model = await amqp.connect(options.url)
    model.on('error', () => {})
    const channel = await model.createConfirmChannel()
    const requester = new RabbitRequester(model, channel, options)
    await channel.assertQueue(options.queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } })
    if (options.replies === 'queue') requester.#replyTo = (await channel.assertQueue('', { exclusive: true })).queue
    await channel.consume(requester.#replyTo, message => message !== null && requester.#hear(message), { noAck: true })
    return requester
  }

  #hear({ content, properties }: ConsumeMessage): void {
    const headers = (properties.headers ?? {}) as Headers
    const error = headers['sluice-error']
    this.heard.push({
      correlation: String(properties.correlationId),
      body: content.toString(),
      headers,
      error: error === undefined ? undefined : String(error),
    })
  }

  async ask(questions: readonly Question[], more: Headers = {}): Promise<void> {
    for (const { body, correlation } of questions)
      this.#channel.sendToQueue(this.#options.queue, Buffer.from(body), {
        replyTo: this.#replyTo,
        correlationId: correlation.toString('hex'),
        persistent: true,
        headers: more,
      })
    await this.#channel.waitForConfirms()
  }

  /** Requests that nobody has settled. */
  async left(): Promise<number> {
    return (await this.#channel.checkQueue(this.#options.queue)).messageCount
  }

  async consumers(): Promise<number> {
    return (await this.#channel.checkQueue(this.#options.queue)).consumerCount
  }

  /** Gone, with its reply address; the queue of requests stays. */
  async leave(): Promise<void> {
    await this.#model.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#channel.deleteQueue(this.#options.queue)
      await this.#model.close()
    } catch {
      // It has left already.
    }
  }
}

/** By amqplib: answers to `reply-to` under the correlation id, as every RPC server on RabbitMQ does. */
export class RabbitResponder implements Responder {
  readonly asked: Asked[] = []
  mute = false
  readonly queue: string
  readonly #model: ChannelModel
  readonly #channel: Channel

  private constructor(queue: string, model: ChannelModel, channel: Channel) {
    this.queue = queue
    this.#model = model
    this.#channel = channel
  }

  static async open(url: string, queue: string): Promise<RabbitResponder> {
    const model = await amqp.connect(url)
    model.on('error', () => {})
    const channel = await model.createChannel()
    const responder = new RabbitResponder(queue, model, channel)
    await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } })
    await channel.prefetch(1_000)
    await channel.consume(queue, message => message !== null && responder.#answer(message))
    return responder
  }

  #answer(message: ConsumeMessage): void {
    const { replyTo, correlationId } = message.properties
    const asked = { body: message.content.toString(), correlation: String(correlationId), replyTo: String(replyTo) }
    this.asked.push(asked)
    if (!this.mute) this.#reply(asked)
    this.#channel.ack(message)
  }

  #reply({ body, correlation, replyTo }: Asked): void {
    const properties = { correlationId: correlation, headers: { by: 'rabbit', n: 7 }, contentType: 'text/plain' }
    this.#channel.sendToQueue(replyTo, Buffer.from(`re:${body}`), properties)
  }

  /** Answers everything it was ever asked, answered or not. */
  answerAll(): void {
    for (const asked of this.asked) this.#reply(asked)
  }

  /** Queues that exist, of those asked for answers at. */
  async inboxes(): Promise<readonly string[]> {
    const found: string[] = []
    for (const queue of new Set(this.asked.map(({ replyTo }) => replyTo))) {
      const probe = await this.#model.createChannel()
      probe.on('error', () => {})
      await probe.checkQueue(queue).then(
        () => found.push(queue),
        () => {},
      )
      await probe.close().catch(() => {})
    }
    return found
  }

  async seen(count: number): Promise<void> {
    await until(
      () => `the responder was asked ${count} times, not ${this.asked.length}`,
      () => this.asked.length >= count,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#channel.deleteQueue(this.queue).catch(() => {})
    await this.#model.close().catch(() => {})
  }
}
