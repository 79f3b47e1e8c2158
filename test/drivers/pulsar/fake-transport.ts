import { Headers } from '../../../src/core/headers.ts'
import { Message, type MessageFields } from '../../../src/core/message.ts'
import type { EndpointContext } from '../../../src/core/ports.ts'
import { quiet } from '../../../src/core/quiet-log.ts'
import { readAddress } from '../../../src/drivers/pulsar/address.ts'
import type {
  ConsumerLink,
  ConsumerListener,
  ConsumerSettings,
  LinkListener,
  Outgoing,
  Prepared,
  ProducerLink,
  ProducerSettings,
  ReaderLink,
  ReaderSettings,
  Received,
  Transport,
} from '../../../src/drivers/pulsar/transport.ts'

export const address = readAddress({ url: 'pulsar://fake' }, 'fake', '.')
export const forever = new AbortController().signal

/** Of a process that has not seen the subscription yet. */
export const noMarks = () => new Map()

export function context(inFlight = 100, inFlightBytes = 1e6): EndpointContext {
  return { route: 'test', inFlight, inFlightBytes, log: quiet, status: () => {} }
}

/** What the driver does with a transport, written down, and what a broker would answer, by hand. */
export class FakeTransport implements Transport {
  lacks: Record<string, string> = {}
  readonly maxMessageBytes = 10_000
  readonly consumers: FakeConsumer[] = []
  readonly readers: FakeReader[] = []
  readonly producers: FakeProducer[] = []
  /** Thrown by the next `subscribe`s and `produce`s. */
  readonly failures: Error[] = []

  async check(): Promise<void> {}

  async subscribe(settings: ConsumerSettings, listener: ConsumerListener): Promise<ConsumerLink> {
    const failure = this.failures.shift()
    if (failure !== undefined) throw failure
    const consumer = new FakeConsumer(settings, listener)
    this.consumers.push(consumer)
    return consumer
  }

  async produce(settings: ProducerSettings, listener: LinkListener): Promise<ProducerLink> {
    const failure = this.failures.shift()
    if (failure !== undefined) throw failure
    const producer = new FakeProducer(settings, listener)
    this.producers.push(producer)
    return producer
  }

  async read(settings: ReaderSettings, listener: ConsumerListener): Promise<ReaderLink> {
    const failure = this.failures.shift()
    if (failure !== undefined) throw failure
    const reader = new FakeReader(settings, listener)
    this.readers.push(reader)
    return reader
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

export class FakeConsumer implements ConsumerLink {
  readonly settings: ConsumerSettings
  readonly listener: ConsumerListener
  readonly acked: string[] = []
  readonly nacked: string[] = []
  permitted = 0
  closed = false

  constructor(settings: ConsumerSettings, listener: ConsumerListener) {
    this.settings = settings
    this.listener = listener
  }

  permit(count: number): void {
    this.permitted += count
  }

  ack({ token }: Received): void {
    this.acked.push(token)
  }

  nack({ token }: Received): void {
    this.nacked.push(token)
  }

  async close(): Promise<void> {
    this.closed = true
  }

  /** The broker delivers. */
  deliver(token: string, changes: Partial<Received> = {}): void {
    const { topic } = this.settings
    if (typeof topic === 'string') throw new Error('this fake knows no patterns')
    this.listener.received({
      topic,
      id: { ledger: 1n, entry: BigInt(token.length), partition: -1, batchIndex: -1 },
      token,
      payload: Buffer.from(token),
      properties: {},
      key: undefined,
      orderingKey: undefined,
      publishTime: 1_795_000_000_000,
      eventTime: undefined,
      redeliveryCount: 0,
      ...changes,
    })
  }
}

export class FakeReader implements ReaderLink {
  readonly settings: ReaderSettings
  readonly listener: ConsumerListener
  readonly tokens: string[] = []
  closed = false

  constructor(settings: ReaderSettings, listener: ConsumerListener) {
    this.settings = settings
    this.listener = listener
  }

  taken({ token }: Received): void {
    this.tokens.push(token)
  }

  async close(): Promise<void> {
    this.closed = true
  }
}

export class FakeProducer implements ProducerLink {
  readonly settings: ProducerSettings
  readonly listener: LinkListener
  readonly sent: { readonly message: Outgoing; readonly done: Parameters<Prepared['send']>[0] }[] = []
  closed = false

  constructor(settings: ProducerSettings, listener: LinkListener) {
    this.settings = settings
    this.listener = listener
  }

  prepare(message: Outgoing): Prepared {
    return { size: message.payload.length + 100, send: done => void this.sent.push({ message, done }) }
  }

  async close(): Promise<void> {
    this.closed = true
  }
}

export function message(text: string, fields: Partial<MessageFields> = {}): Message {
  return new Message({
    key: null,
    subject: 'in',
    headers: Headers.EMPTY,
    bytes: Buffer.from(text),
    timestamp: 1_795_000_000_123,
    properties: {},
    source: { connection: 'a', address: 'in', sequence: 'in', position: '1', attempt: 1 },
    ...fields,
  })
}
