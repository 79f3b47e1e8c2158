import { randomUUID } from 'node:crypto'
import { type Channel, type ChannelModel, connect, type Options } from 'amqplib'
import { expect } from 'vitest'
import { Headers } from '../../../src/core/headers.ts'
import { Message, type MessageFields } from '../../../src/core/message.ts'
import type { Connection, Delivery, EndpointContext, Sink, Source } from '../../../src/core/ports.ts'
import { quiet } from '../../../src/core/quiet-log.ts'
import { rabbitmq } from '../../../src/drivers/rabbitmq/driver.ts'
import { given } from '../../brokers/given.ts'
import type { BrokerInfo } from '../../brokers/kinds.ts'
import { callManagement } from '../../brokers/management.ts'

export const KINDS = ['rabbitmq4', 'rabbitmq3'] as const
export type RabbitKind = (typeof KINDS)[number]

const PATIENCE_MS = 120_000

/** A driver's connection beside a plain amqplib channel on the same broker; all that was opened or declared goes at the end. */
export class Workbench implements AsyncDisposable {
  readonly info: BrokerInfo
  readonly connection: Connection
  readonly name = `sluice-test-${randomUUID().slice(0, 8)}`
  readonly statuses: { state: string; reason: string | undefined }[] = []
  readonly signal = AbortSignal.timeout(60_000)
  readonly #model: ChannelModel
  readonly raw: Channel
  readonly #stack = new AsyncDisposableStack()
  readonly #queues: string[] = []
  readonly #exchanges: string[] = []

  private constructor(info: BrokerInfo, model: ChannelModel, raw: Channel, options: object) {
    this.info = info
    this.#model = model
    this.raw = raw
    this.connection = rabbitmq.connect({ url: info.url, ...options }, { name: this.name, log: quiet, baseDir: '.' })
    this.#stack.use(this.connection)
  }

  static async open(kind: RabbitKind, options: object = {}): Promise<Workbench> {
    const info = given(kind)
    const model = await connect(info.url)
    return new Workbench(info, model, await model.createChannel(), options)
  }

  context(changes: Partial<EndpointContext> = {}): EndpointContext {
    const status = (state: string, reason?: string) => void this.statuses.push({ state, reason })
    return { route: 'test', inFlight: 1000, inFlightBytes: 64 * 2 ** 20, log: quiet, status, ...changes }
  }

  async queue(options: Options.AssertQueue = {}): Promise<string> {
    const name = `${this.name}.q${this.#queues.length}`
    this.#queues.push(name)
    await this.raw.assertQueue(name, options)
    return name
  }

  /** A name that will be deleted at the end, but does not exist yet. */
  queueName(): string {
    const name = `${this.name}.q${this.#queues.length}`
    this.#queues.push(name)
    return name
  }

  /** It is deleted at the end, wherever it came from. */
  forget(queue: string): void {
    this.#queues.push(queue)
  }

  async exchange(type: string): Promise<string> {
    const name = `${this.name}.x${this.#exchanges.length}`
    this.#exchanges.push(name)
    await this.raw.assertExchange(name, type, { durable: true })
    return name
  }

  async sink(options: object, changes?: Partial<EndpointContext>): Promise<Sink> {
    return this.#stack.use(await this.connection.sink(options, this.context(changes), this.signal))
  }

  async source(options: object, changes?: Partial<EndpointContext>): Promise<Source> {
    return this.#stack.use(await this.connection.source(options, this.context(changes), this.signal))
  }

  async receiver(options: object, changes?: Partial<EndpointContext>): Promise<Receiver> {
    return this.#stack.use(new Receiver(await this.source(options, changes)))
  }

  /** Ready messages; the statistics of unacknowledged ones lag behind, so ask after the channel is gone. */
  async ready(queue: string): Promise<number> {
    return (await this.raw.checkQueue(queue)).messageCount
  }

  management(method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<unknown> {
    return callManagement(this.info.management!, method, path, body)
  }

  /** Closes the driver's TCP connections of one purpose as an operator would. */
  async forceClose(purpose: 'consume' | 'publish'): Promise<void> {
    const mine = await eventually(async () => {
      const all = (await this.management('GET', '/api/connections')) as Conn[]
      const found = all.filter(one => one.client_properties?.connection_name === `sluice/${this.name} ${purpose}`)
      return found.length > 0 ? found : undefined
    })
    for (const { name } of mine) await this.management('DELETE', `/api/connections/${encodeURIComponent(name)}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]()
    const cleaner = await this.#model.createChannel()
    for (const queue of this.#queues) await cleaner.deleteQueue(queue)
    for (const exchange of this.#exchanges) await cleaner.deleteExchange(exchange)
    await this.#model.close()
  }
}

interface Conn {
  readonly name: string
  readonly client_properties?: { readonly connection_name?: string }
}

/** Reads a source in the background and keeps what came, until asked. */
export class Receiver implements AsyncDisposable {
  readonly source: Source
  readonly deliveries: Delivery[] = []
  readonly #abort = new AbortController()
  readonly #reading: Promise<unknown>
  #wake = Promise.withResolvers<void>()
  /** What `receive` threw; undefined while it runs or when it ended by the abort. */
  error: unknown

  constructor(source: Source) {
    this.source = source
    this.#reading = this.#read().catch(error => {
      this.error = error
      this.#wake.resolve()
    })
  }

  async #read(): Promise<void> {
    for await (const batch of this.source.receive(this.#abort.signal)) {
      this.deliveries.push(...batch)
      this.#wake.resolve()
    }
  }

  /** At least this many deliveries so far. */
  async until(count: number): Promise<readonly Delivery[]> {
    await within(async () => {
      while (this.deliveries.length < count && this.error === undefined) {
        this.#wake = Promise.withResolvers()
        await this.#wake.promise
      }
    }, `${count} deliveries, ${this.deliveries.length} came`)
    if (this.deliveries.length < count) throw this.error
    return this.deliveries
  }

  /** Why the session ended. */
  async ended(): Promise<unknown> {
    await within(() => this.#reading, 'the end of the session')
    return this.error
  }

  texts(): string[] {
    return this.deliveries.map(({ message }) => String(message.bytes))
  }

  async stop(): Promise<void> {
    this.#abort.abort()
    await this.#reading
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    await this.source[Symbol.asyncDispose]()
  }
}

const ELSEWHERE = { connection: 'log', address: 'topic', sequence: 'topic/0', position: '0:1', attempt: 1 }

export function message(fields: Partial<MessageFields> = {}): Message {
  return new Message({
    key: null,
    subject: 'key',
    headers: Headers.EMPTY,
    bytes: Buffer.from('body'),
    timestamp: 1_700_000_000_123,
    properties: {},
    source: ELSEWHERE,
    ...fields,
  })
}

export const texts = (count: number, prefix = '') =>
  Array.from({ length: count }, (_, i) => message({ bytes: Buffer.from(`${prefix}${i}`) }))

/** The error codes of a publish, null where confirmed. */
export async function publish(sink: Sink, messages: readonly Message[]): Promise<(string | null)[]> {
  const results = await sink.publish(messages, AbortSignal.timeout(PATIENCE_MS * 2))
  return results.map(result => result?.code ?? null)
}

export async function publishAll(sink: Sink, messages: readonly Message[]): Promise<void> {
  expect(await publish(sink, messages)).toEqual(messages.map(() => null))
}

async function within<T>(work: () => Promise<T>, what: string): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`gave up waiting for ${what}`)), PATIENCE_MS)
  try {
    return await Promise.race([work(), promise])
  } finally {
    clearTimeout(timer)
  }
}

/** Asks again until there is an answer. */
export async function eventually<T>(ask: () => Promise<T | undefined>): Promise<T> {
  const until = performance.now() + PATIENCE_MS
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (performance.now() > until) throw new Error('it never came true')
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}
