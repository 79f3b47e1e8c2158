import { randomUUID } from 'node:crypto'
import { connect, type JetStreamManager, type NatsConnection, nanos, type StreamConfig } from 'nats'
import { type HeaderEntry, Headers } from '../../../src/core/headers.ts'
import { Message, type MessageFields } from '../../../src/core/message.ts'
import type { Connection, Delivery, EndpointContext, Sink, Source } from '../../../src/core/ports.ts'
import { quiet } from '../../../src/core/quiet-log.ts'
import { nats } from '../../../src/drivers/nats/driver.ts'
import type { SinkOptions } from '../../../src/drivers/nats/sink-options.ts'
import type { SourceOptions } from '../../../src/drivers/nats/source-options.ts'

const PATIENCE_MS = 120_000

/** Everything one test opens on one server, closed in reverse order; `client` is the library itself, as a witness. */
export class NatsLab implements AsyncDisposable {
  readonly connection: Connection
  readonly client: NatsConnection
  readonly manager: JetStreamManager
  /** What the endpoints said about themselves. */
  readonly statuses: string[] = []
  readonly warnings: { readonly fields: object; readonly message: string }[] = []
  readonly #open: AsyncDisposable[] = []
  readonly #ended = new AbortController()

  private constructor(url: string, options: object, client: NatsConnection, manager: JetStreamManager) {
    this.connection = nats.connect({ url, ...options }, { name: 'lab', log: quiet, baseDir: process.cwd() })
    this.client = client
    this.manager = manager
  }

  /** @param options of the connection, on top of the url */
  static async open(url: string, options: object = {}): Promise<NatsLab> {
    const client = await connect({ servers: new URL(url).host, reconnect: true, maxReconnectAttempts: -1 })
    return new NatsLab(url, options, client, await client.jetstreamManager({ checkAPI: false }))
  }

  /** Aborts when the test is over. */
  get signal(): AbortSignal {
    return this.#ended.signal
  }

  /** A stream of a fresh name, whose one subject has the same name. */
  async stream(config: Partial<StreamConfig> = {}): Promise<string> {
    const name = `LAB_${randomUUID().slice(0, 13)}`
    await this.manager.streams.add({ name, subjects: [name], ...config })
    this.#open.push({
      [Symbol.asyncDispose]: () =>
        this.manager.streams.delete(name).then(
          () => {},
          () => {},
        ),
    })
    return name
  }

  async source(options: SourceOptions, context: Partial<EndpointContext> = {}): Promise<Source> {
    const source = await this.connection.source(options, this.context(context), this.signal)
    this.#open.push(source)
    return source
  }

  async sink(options: SinkOptions, context: Partial<EndpointContext> = {}): Promise<Sink> {
    const sink = await this.connection.sink(options, this.context(context), this.signal)
    this.#open.push(sink)
    return sink
  }

  context(changes: Partial<EndpointContext> = {}): EndpointContext {
    return {
      route: 'lab',
      inFlight: 1_000,
      inFlightBytes: 64 * 2 ** 20,
      log: { ...quiet, warn: (fields, message) => void this.warnings.push({ fields, message }) },
      status: state => void this.statuses.push(state),
      ...changes,
    }
  }

  /** Publishes and wants every message confirmed. */
  async publish(sink: Sink, messages: readonly Message[]): Promise<void> {
    const results = await sink.publish(messages, this.signal)
    const failed = results.find(result => result !== null)
    if (failed) throw failed
  }

  async consumer(stream: string, name: string) {
    return this.manager.consumers.info(stream, name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort()
    for (const one of this.#open.reverse()) await one[Symbol.asyncDispose]()
    await this.connection[Symbol.asyncDispose]()
    await this.client.close()
  }
}

let made = 0

export function message(fields: Partial<MessageFields> & { readonly list?: readonly HeaderEntry[] } = {}): Message {
  const { list, ...rest } = fields
  const position = String(++made)
  return new Message({
    key: null,
    subject: 'lab',
    headers: list === undefined ? Headers.EMPTY : new Headers(list),
    bytes: Buffer.from(`message ${position}`),
    timestamp: Date.now(),
    properties: {},
    source: { connection: 'lab', address: 'lab', sequence: 'lab', position, attempt: 1 },
    ...rest,
  })
}

/** Numbered messages: the body is the number. */
export function numbered(count: number, from = 0, fields: Partial<MessageFields> = {}): Message[] {
  return Array.from({ length: count }, (_, i) => message({ bytes: Buffer.from(String(from + i)), ...fields }))
}

export const numberOf = ({ message }: Delivery): number => Number(message.bytes)

/** Reads in the background and keeps what comes. */
export class Reading {
  readonly deliveries: Delivery[] = []
  failure: unknown
  readonly ended: Promise<void>
  readonly #stop = new AbortController()
  readonly #onDelivery: (delivery: Delivery) => void

  constructor(source: Source, onDelivery: (delivery: Delivery) => void = () => {}) {
    this.#onDelivery = onDelivery
    this.ended = this.#read(source)
  }

  /** Waits until `met`, looked at every few milliseconds; throws what receive threw. */
  async until(met: () => boolean, ms = PATIENCE_MS): Promise<void> {
    const end = performance.now() + ms
    while (!met()) {
      if (this.failure !== undefined) throw this.failure
      if (performance.now() > end) throw new Error(`waited in vain; ${this.deliveries.length} deliveries came`)
      await new Promise(resolve => setTimeout(resolve, 5))
    }
  }

  async count(wanted: number): Promise<readonly Delivery[]> {
    await this.until(() => this.deliveries.length >= wanted)
    return this.deliveries
  }

  /** What ends the reading. */
  async end(): Promise<unknown> {
    await this.ended
    return this.failure
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.ended
  }

  async #read(source: Source): Promise<void> {
    try {
      for await (const batch of source.receive(this.#stop.signal)) {
        this.deliveries.push(...batch)
        for (const delivery of batch) this.#onDelivery(delivery)
      }
    } catch (error) {
      this.failure = error
    }
  }
}

export const millis = (ms: number) => nanos(ms)
