import { readFileSync } from 'node:fs'
import { connect, createInbox, credsAuthenticator, headers, type JetStreamManager, type NatsConnection } from 'nats'
import { type Arrived, idOf, type Outgoing, type SourceEnd, type TargetEnd, until } from './ends.ts'

export interface NatsEndOptions {
  readonly url: string
  /** Name of the stream and of its only subject. */
  readonly stream: string
  /** More of `from:` or `to:`. */
  readonly options?: object
  /** `false` makes no stream. */
  readonly create?: boolean
  /** Path of a creds file to log in with. */
  readonly creds?: string
}

/** Messages the witness asks for at once. */
const AT_ONCE = 200

/** A stream of JetStream at its source end or its target end, by the client library alone. */
export class NatsEnd implements SourceEnd, TargetEnd {
  readonly connection: object
  readonly stream: string
  readonly arrived: Arrived[] = []
  readonly client: NatsConnection
  readonly manager: JetStreamManager
  readonly #options: NatsEndOptions
  readonly #stop = new AbortController()
  #reading: Promise<void> | undefined
  #last = 0

  private constructor(options: NatsEndOptions, client: NatsConnection, manager: JetStreamManager) {
    this.#options = options
    this.stream = options.stream
    this.connection = { url: options.url, ...(options.creds && { creds: options.creds }) }
    this.client = client
    this.manager = manager
  }

  static async open(options: NatsEndOptions): Promise<NatsEnd> {
    const client = await connect({
      servers: new URL(options.url).host,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 100,
      ...(options.creds && { authenticator: credsAuthenticator(readFileSync(options.creds)) }),
    })
    const end = new NatsEnd(options, client, await client.jetstreamManager({ checkAPI: false }))
    if (options.create !== false) await end.create()
    return end
  }

  async create(): Promise<void> {
    await this.manager.streams.add({ name: this.stream, subjects: [this.stream] })
  }

  get consumer(): string {
    return 'route'
  }

  get from(): object {
    return { stream: this.stream, consumer: this.consumer, ackWait: '2s', ...this.#options.options }
  }

  get to(): object {
    return { stream: this.stream, subject: this.stream, key: '${headers.key}', ...this.#options.options }
  }

  async send(messages: readonly Outgoing[]): Promise<void> {
    let acked = 0
    const inbox = createInbox()
    const acks = this.client.subscribe(inbox, {
      callback: () => {
        acked++
      },
    })
    for (let i = 0; i < messages.length; i += 500) {
      const batch = messages.slice(i, i + 500)
      for (const { key, body, headers: more = {} } of batch) {
        const list = headers()
        for (const [name, value] of Object.entries(more)) list.append(name, value)
        if (key !== null) list.set('key', key)
        this.client.publish(this.stream, body ?? undefined, { headers: list, reply: inbox })
      }
      await until('the stream has stored what was sent', () => acked === i + batch.length)
    }
    acks.unsubscribe()
  }

  async left(): Promise<number> {
    const info = await this.manager.consumers.info(this.stream, this.consumer).catch(() => undefined)
    if (info === undefined) return (await this.manager.streams.info(this.stream)).state.messages
    return info.num_pending + info.num_ack_pending
  }

  /** Starts to read the stream from its beginning into `arrived`, by sequences: a restart of the server takes no consumer along. */
  async read(): Promise<void> {
    this.#reading ??= this.#follow()
  }

  async #follow(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        const { state } = await this.manager.streams.info(this.stream)
        while (this.#last < state.last_seq) await this.#take(Math.min(AT_ONCE, state.last_seq - this.#last))
      } catch {
        // The server is away.
      }
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }

  async #take(count: number): Promise<void> {
    const sequences = Array.from({ length: count }, (_, i) => this.#last + 1 + i)
    const messages = await Promise.all(sequences.map(seq => this.manager.streams.getMessage(this.stream, { seq })))
    this.#last += count
    for (const { data, header } of messages) {
      const texts = new Map([...header].map(([name, values]) => [name, values.at(-1)!]))
      const body = texts.get('sluice-null') === 'true' ? null : Buffer.from(data)
      const key = texts.get('key') ?? texts.get('sluice-key') ?? null
      this.arrived.push({ id: idOf(body, texts), key, body, headers: texts, at: performance.now(), partition: 0 })
    }
  }

  async drain(): Promise<readonly Arrived[]> {
    await this.read()
    const { state } = await this.manager.streams.info(this.stream)
    await until(`the witness has read ${this.stream} to its end`, () => this.#last >= state.last_seq)
    return this.arrived
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#reading
    if (this.#options.create !== false) await this.manager.streams.delete(this.stream).catch(() => {})
    await this.client.close()
  }
}
