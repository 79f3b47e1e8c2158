import { randomUUID } from 'node:crypto'
import { Admin } from '@platformatic/kafka'
import type { SluiceError } from '../../../src/core/errors.ts'
import { type HeaderEntry, Headers } from '../../../src/core/headers.ts'
import { Message, type MessageFields } from '../../../src/core/message.ts'
import type { Connection, Delivery, EndpointContext, Sink, Source } from '../../../src/core/ports.ts'
import { quiet } from '../../../src/core/quiet-log.ts'
import { kafka } from '../../../src/drivers/kafka/driver.ts'
import type { SinkOptions } from '../../../src/drivers/kafka/sink-options.ts'
import type { SourceOptions } from '../../../src/drivers/kafka/source-options.ts'
import { makeTopic } from '../../../src/drivers/kafka/testbed.ts'

const PATIENCE_MS = 120_000

/** Everything one test opens on one broker; closed in reverse order. */
export class KafkaLab implements AsyncDisposable {
  readonly connection: Connection
  readonly admin: Admin
  /** What the endpoints said about themselves. */
  readonly statuses: string[] = []
  readonly warnings: string[] = []
  readonly #open: AsyncDisposable[] = []
  readonly #ended = new AbortController()

  constructor(url: string, options: Record<string, unknown> = {}) {
    this.connection = kafka.connect({ url, ...options }, { name: 'lab', log: quiet, baseDir: process.cwd() })
    this.admin = new Admin({ clientId: 'lab', bootstrapBrokers: [new URL(url).host], retries: 3 })
  }

  /** Aborts when the test is over. */
  get signal(): AbortSignal {
    return this.#ended.signal
  }

  async topic(partitions = 1, config: Record<string, string> = {}): Promise<string> {
    const name = `lab.${randomUUID()}`
    const configs = Object.entries(config).map(([key, value]) => ({ name: key, value }))
    await makeTopic(this.admin, name, partitions, configs)
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

  context(changes: Partial<EndpointContext>): EndpointContext {
    return {
      route: 'lab',
      inFlight: 1_000,
      inFlightBytes: 64 * 2 ** 20,
      log: { ...quiet, warn: (_, message) => void this.warnings.push(message) },
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

  /** Publishes as the engine does: what a failed message held back goes again. What failed for good, by index. */
  async failures(sink: Sink, messages: readonly Message[]): Promise<ReadonlyMap<number, SluiceError>> {
    const failed = new Map<number, SluiceError>()
    let rest = [...messages.entries()]
    while (rest.length > 0) {
      const results = await sink.publish(
        rest.map(([, one]) => one),
        this.signal,
      )
      for (const [at, [index]] of rest.entries()) {
        const result = results[at]
        if (result && result.code !== 'BATCH_BROKEN') failed.set(index, result)
      }
      rest = rest.filter((_, at) => results[at]?.code === 'BATCH_BROKEN')
    }
    return failed
  }

  /** The group's committed offsets by partition; -1 = none. */
  async committed(group: string, topic: string): Promise<readonly number[]> {
    const groups = await this.admin.listConsumerGroupOffsets({ groups: [group] })
    const partitions = groups[0]?.topics.find(one => one.name === topic)?.partitions ?? []
    const offsets: number[] = []
    for (const { partitionIndex, committedOffset } of partitions) offsets[partitionIndex] = Number(committedOffset)
    return Array.from(offsets, offset => offset ?? -1)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort()
    for (const one of this.#open.reverse()) await one[Symbol.asyncDispose]()
    await this.admin.close()
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
