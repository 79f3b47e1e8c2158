import assert from 'node:assert/strict'
import { SluiceError } from '../../src/core/errors.ts'
import { Headers } from '../../src/core/headers.ts'
import { Message, type MessageFields } from '../../src/core/message.ts'
import type { Connection, Driver, EndpointContext, Features, Sink, Source } from '../../src/core/ports.ts'
import type { Answerer, InboxOptions, ReplyInbox } from '../../src/core/reply-ports.ts'
import type { TestAddress, Testbed } from '../../src/core/testbed.ts'
import { Receiver } from './receiver.ts'
import { withDefaults } from './validation.ts'

export interface ReceiverOptions {
  /** Default `one`. */
  readonly group?: string
  /** Default 1,000. */
  readonly inFlight?: number
  readonly connection?: Connection
}

/** Everything one case opens: closed in reverse order, then dropped. */
export class Lab implements AsyncDisposable {
  readonly driver: Driver
  readonly testbed: Testbed
  readonly name: string
  /** Longest wait for something that has to happen. */
  readonly patienceMs: number
  readonly #open: AsyncDisposable[] = []
  readonly #addresses: TestAddress[] = []
  readonly #ended = new AbortController()
  #connection: Connection | undefined
  #made = 0

  constructor(driver: Driver, testbed: Testbed, name: string, patienceMs = 60_000) {
    this.patienceMs = patienceMs
    this.driver = driver
    this.testbed = testbed
    this.name = name
  }

  get features(): Features {
    return this.driver.features
  }

  /** Aborts when the case is over. */
  get signal(): AbortSignal {
    return this.#ended.signal
  }

  async address(): Promise<TestAddress> {
    const address = await this.testbed.create()
    this.#addresses.push(address)
    return address
  }

  /** A new connection; default: to the testbed's broker. */
  connect(options: unknown = this.testbed.connection()): Connection {
    const checked = withDefaults(this.driver.schema.connection, options)
    const connection = this.driver.connect(checked, { name: 'lab', log: silent, baseDir: process.cwd() })
    this.#open.push(connection)
    return connection
  }

  /** The connection that most of a case shares. */
  get connection(): Connection {
    return (this.#connection ??= this.connect())
  }

  async source(
    options: unknown,
    { inFlight = 1_000, connection = this.connection }: ReceiverOptions = {},
  ): Promise<Source> {
    const checked = withDefaults(this.driver.schema.source, options)
    const source = await connection.source(checked, this.#context(inFlight), this.signal)
    this.#open.push(source)
    return source
  }

  async sink(options: unknown, connection = this.connection): Promise<Sink> {
    const checked = withDefaults(this.driver.schema.sink, options)
    const sink = await connection.sink(checked, this.#context(1_000), this.signal)
    this.#open.push(sink)
    return sink
  }

  async inbox(options: Omit<InboxOptions, 'timeoutMs'>, connection = this.connection): Promise<ReplyInbox> {
    const inbox = await connection.inbox!({ ...options, timeoutMs: 10_000 }, this.#context(1_000), this.signal)
    this.#open.push(inbox)
    return inbox
  }

  async answerer(connection = this.connection): Promise<Answerer> {
    const answerer = await connection.answerer!(this.#context(1_000), this.signal)
    this.#open.push(answerer)
    return answerer
  }

  /** A source of the address that is already being read. */
  async receiver(address: TestAddress, options: ReceiverOptions = {}): Promise<Receiver> {
    const receiver = new Receiver(await this.source(address.source(options.group ?? 'one'), options), this.patienceMs)
    this.#open.push(receiver)
    return receiver
  }

  /** Publishes, and answers who receives it: a receiver that listens first where nothing is kept for one that comes later. */
  async sendTo(
    address: TestAddress,
    sink: Sink,
    messages: readonly Message[],
    options: ReceiverOptions = {},
  ): Promise<Receiver> {
    const early = this.features.durable ? undefined : await this.receiver(address, options)
    await this.publish(sink, messages)
    return early ?? this.receiver(address, options)
  }

  /** A message with an id of its own (also as the message-id property), a small body, no headers and no key unless given. */
  message(fields: Partial<MessageFields> = {}): Message {
    const id = fields.id ?? `${this.name}-${process.pid}-${++this.#made}`
    const source = { connection: 'lab', address: 'lab', sequence: 'lab', position: String(this.#made), attempt: 1 }
    return new Message({
      key: null,
      subject: 'lab',
      headers: Headers.EMPTY,
      bytes: Buffer.from(`body of ${id}`),
      timestamp: Date.now(),
      source,
      ...fields,
      id,
      properties: { messageId: id, ...fields.properties },
    })
  }

  messages(count: number, fields: Partial<MessageFields> = {}): Message[] {
    return Array.from({ length: count }, () => this.message(fields))
  }

  /** Publishes in one call; every message must be confirmed. */
  async publish(sink: Sink, messages: readonly Message[]): Promise<void> {
    const results = await sink.publish(messages, this.signal)
    assert.equal(results.length, messages.length, 'a publish answers with one result per message')
    const failed = results.find(result => result !== null)
    if (failed)
      throw new Error(`a message that must pass was refused: ${failed.code} ${failed.message}`, { cause: failed })
  }

  /** The error with which `action` fails. */
  async failure(what: string, action: () => Promise<unknown>): Promise<SluiceError> {
    try {
      await action()
    } catch (error) {
      if (error instanceof SluiceError) return error
      throw new Error(`${what} must fail with a SluiceError`, { cause: error })
    }
    throw new Error(`${what} must fail`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort()
    for (const one of this.#open.reverse()) await one[Symbol.asyncDispose]()
    for (const address of this.#addresses) await this.testbed.drop(address)
  }

  #context(inFlight: number): EndpointContext {
    return { route: `conformance-${this.name}`, inFlight, inFlightBytes: 256 * 2 ** 20, log: silent, status: () => {} }
  }
}

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
