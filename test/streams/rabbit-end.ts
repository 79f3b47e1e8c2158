import { once } from 'node:events'
import amqp, { type ChannelModel, type ConfirmChannel, type ConsumeMessage, type Options } from 'amqplib'
import { type Arrived, idOf, type Outgoing, type SourceEnd, type TargetEnd, until } from './ends.ts'

export interface RabbitEndOptions {
  readonly url: string
  readonly queue: string
  /** Of the queue to declare; default quorum. `none` declares nothing. */
  readonly type?: 'quorum' | 'classic' | 'none'
  /** Further arguments of the declaration. */
  readonly arguments?: Readonly<Record<string, unknown>>
  /** More of `from:` or `to:`. */
  readonly options?: object
}

/** A queue at its source end or its target end, by amqplib. */
export class RabbitEnd implements SourceEnd, TargetEnd {
  readonly connection: object
  readonly queue: string
  readonly arrived: Arrived[] = []
  /** As amqplib delivered them. */
  readonly raw: ConsumeMessage[] = []
  readonly channel: ConfirmChannel
  readonly #options: RabbitEndOptions
  readonly #model: ChannelModel
  #tag: string | undefined

  private constructor(options: RabbitEndOptions, model: ChannelModel, channel: ConfirmChannel) {
    this.#options = options
    this.queue = options.queue
    this.connection = { url: options.url }
    this.#model = model
    this.channel = channel
  }

  static async open(options: RabbitEndOptions): Promise<RabbitEnd> {
    const model = await amqp.connect(options.url)
    model.on('error', () => {}) // what was under way fails by itself
    const channel = await model.createConfirmChannel()
    const end = new RabbitEnd(options, model, channel)
    if (options.type !== 'none') await end.create()
    return end
  }

  /** Declares the queue. */
  async create(): Promise<void> {
    const { type = 'quorum', arguments: more = {} } = this.#options
    await this.channel.assertQueue(this.queue, { durable: true, arguments: { 'x-queue-type': type, ...more } })
  }

  get #declared(): object {
    const { type = 'quorum', arguments: more, options } = this.#options
    const declaration = type === 'none' ? {} : { type, ...(more === undefined ? {} : { arguments: more }) }
    return { ...declaration, ...options }
  }

  get from(): object {
    return { queue: this.queue, ...this.#declared }
  }

  get to(): object {
    return { queue: this.queue, ...this.#declared }
  }

  async send(messages: readonly Outgoing[], more: Options.Publish = {}): Promise<void> {
    let confirmed = 0
    let refused = 0
    for (const { key, body, headers = {} } of messages) {
      const table = { ...headers, ...(key === null ? {} : { key }) }
      const options = { persistent: true, ...more, headers: { ...table, ...more.headers } }
      const room = this.channel.sendToQueue(this.queue, body ?? Buffer.alloc(0), options, error => {
        if (error) refused++
        else confirmed++
      })
      if (!room) await once(this.channel, 'drain')
    }
    await until('the broker has confirmed what was sent', () => confirmed + refused === messages.length)
    if (refused > 0) throw new Error(`the broker refused ${refused} of ${messages.length} messages`)
  }

  async left(): Promise<number> {
    return (await this.channel.checkQueue(this.queue)).messageCount
  }

  /** Starts to read the queue into `arrived`; `slowly` takes 500 messages a second at most. */
  async read(pace: 'slowly' | 'fast' = 'fast'): Promise<void> {
    await this.channel.prefetch(pace === 'fast' ? 1_000 : 5)
    const { consumerTag } = await this.channel.consume(this.queue, message => {
      if (message === null) return
      if (pace === 'fast') this.channel.ack(message)
      else setTimeout(() => this.channel.ack(message), 10)
      this.raw.push(message)
      const { headers = {} } = message.properties
      const texts = new Map(Object.entries(headers).map(([name, value]) => [name, String(value)]))
      this.arrived.push({
        id: idOf(message.content, texts),
        key: texts.get('key') ?? null,
        body: message.content,
        headers: texts,
        at: performance.now(),
        partition: 0,
      })
    })
    this.#tag = consumerTag
  }

  /** Stops reading; what was delivered before is in `arrived`. */
  async pause(): Promise<void> {
    if (this.#tag !== undefined) await this.channel.cancel(this.#tag)
    this.#tag = undefined
  }

  async drain(): Promise<readonly Arrived[]> {
    if (this.#tag === undefined) await this.read()
    await until(`the witness has read ${this.queue} to its end`, async () => (await this.left()) === 0)
    // The broker answers a cancel behind everything it delivered on the channel.
    await this.pause()
    return this.arrived
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.#options.type !== 'none') await this.channel.deleteQueue(this.queue)
    } finally {
      await this.#model.close()
    }
  }
}
