import { randomUUID } from 'node:crypto'
import { Consumer, type Message as KafkaMessage, type MessagesStream, MessagesStreamModes } from '@platformatic/kafka'
import { unpack } from '../../core/carrier.ts'
import { SluiceError } from '../../core/errors.ts'
import { Message } from '../../core/message.ts'
import type { InboxOptions, Reply, ReplyInbox } from '../../core/reply-ports.ts'
import { abortable } from '../../core/waiting.ts'
import type { Address } from './address.ts'
import { adminClient, platformaticOptions } from './client.ts'
import { Directory } from './directory.ts'
import { kafkaError } from './errors.ts'
import { readReply, withReplyTopic } from './reply-headers.ts'
import type { SinkOptions } from './sink-options.ts'
import { topicName } from './target.ts'

type Reader = Consumer<Buffer, Buffer, Buffer, Buffer>
type Records = MessagesStream<Buffer, Buffer, Buffer, Buffer>
/** The next offset of each partition: where the next session of an inbox goes on. */
export type Offsets = Map<number, bigint>

/** How long a fetch waits for records, in ms; it is answered as soon as there is one. */
const MOST_WAIT = 500
/** How often it is looked whether the topic has more partitions, in ms. */
const LOOK_EVERY = 5_000

/**
 * A topic that all gateways share. Each reads all of it from the end on, in a group of its own in which nothing is
 * committed, and takes what has its own correlations; the engine drops the rest.
 */
export class KafkaInbox implements ReplyInbox {
  readonly #topic: string
  readonly #connection: string
  readonly #consumer: Reader
  readonly #offsets: Offsets
  #records: Records | undefined

  private constructor(topic: string, connection: string, consumer: Reader, offsets: Offsets) {
    this.#topic = topic
    this.#connection = connection
    this.#consumer = consumer
    this.#offsets = offsets
  }

  /**
   * @param offsets where the last session of this inbox ended; empty = there was none
   * Throws ADDRESS_MISSING, OPTIONS_INVALID and what is wrong with brokers and login.
   */
  static async open(
    address: Address,
    connection: string,
    options: InboxOptions,
    offsets: Offsets,
    signal: AbortSignal,
  ): Promise<KafkaInbox> {
    const topic = replyTopic(options.address)
    const consumer: Reader = new Consumer<Buffer, Buffer, Buffer, Buffer>({
      ...platformaticOptions(address),
      // One of its own for each session: with the last one still in the group, they would share the partitions.
      groupId: `${options.name}-${randomUUID().slice(0, 8)}`,
      retries: 3,
    })
    consumer.on('error', () => {})
    const inbox = new KafkaInbox(topic, connection, consumer, offsets)
    try {
      await exists(address, topic, options.sink as SinkOptions, signal)
      await abortable(inbox.#place(), signal)
      await abortable(inbox.#join(), signal)
      return inbox
    } catch (error) {
      await inbox[Symbol.asyncDispose]()
      signal.throwIfAborted()
      throw kafkaError(error, `opening the inbox ${topic}`)
    }
  }

  // The first session begins at the end. What a partition holds that is new since is all for us to look at.
  async #place(): Promise<void> {
    const ends = await this.#ends()
    const first = this.#offsets.size === 0
    for (const [partition, end] of ends.entries())
      if (!this.#offsets.has(partition)) this.#offsets.set(partition, first ? end : 0n)
  }

  // Joining takes a while, in which no answer would be heard: it is over before anything is asked.
  async #join(): Promise<void> {
    this.#records = await this.#consumer.consume({
      topics: [this.#topic],
      mode: MessagesStreamModes.MANUAL,
      autocommit: false,
      maxWaitTime: MOST_WAIT,
      offsets: [...this.#offsets].map(([partition, offset]) => ({ topic: this.#topic, partition, offset })),
    })
    // Whoever reads meets the error; before that nobody listens, and the process must not end over it.
    this.#records.on('error', () => {})
  }

  ask(request: Message, correlation: string): Message {
    return withReplyTopic(request, this.#topic, correlation)
  }

  async *receive(signal: AbortSignal): AsyncIterable<readonly Reply[]> {
    const topic = this.#topic
    let lost: SluiceError | undefined
    try {
      const stream = this.#records!
      const stop = () => void stream.close().catch(() => {})
      signal.addEventListener('abort', stop, { once: true })
      if (signal.aborted) stop()
      const lose = (why: SluiceError) => {
        lost ??= why
        stop()
      }
      // It could not join again, and nobody would tell the stream.
      const failed = (error: unknown) => lose(kafkaError(error, `reading answers from ${topic}`))
      this.#consumer.on('error', failed)
      const timer = setInterval(async () => {
        const ends = await this.#ends().catch(() => [])
        if (ends.length > this.#offsets.size) lose(new SluiceError('CHANNEL_LOST', `${topic} has got more partitions`))
      }, LOOK_EVERY)
      try {
        for await (const record of stream) {
          this.#offsets.set(record.partition, record.offset + 1n)
          yield [readReply(toMessage(record, this.#connection))]
        }
      } finally {
        clearInterval(timer)
        this.#consumer.off('error', failed)
        signal.removeEventListener('abort', stop)
        await stream.close().catch(() => {})
      }
    } catch (error) {
      if (signal.aborted) return
      throw kafkaError(error, `reading answers from ${topic}`)
    }
    if (lost !== undefined && !signal.aborted) throw lost
  }

  async #ends(): Promise<readonly bigint[]> {
    const offsets = await this.#consumer.listOffsets({ topics: [this.#topic] })
    return offsets.get(this.#topic) ?? []
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#records?.close().catch(() => {})
    await this.#consumer.close(true).catch(() => {})
  }
}

function replyTopic(address: string | undefined): string {
  try {
    return topicName(address ?? '')
  } catch (error) {
    throw new SluiceError('OPTIONS_INVALID', `reply.address: "${address ?? ''}" cannot be the name of a topic`, {
      cause: error,
    })
  }
}

// Created when it is missing and the sink of the route creates topics, too.
async function exists(address: Address, topic: string, { create }: SinkOptions, signal: AbortSignal): Promise<void> {
  const admin = adminClient(address)
  try {
    await new Directory(admin, create === undefined ? { topic } : { topic, create }).find(topic, signal)
  } finally {
    await admin.close().catch(() => {})
  }
}

function toMessage(record: KafkaMessage<Buffer, Buffer, Buffer, Buffer>, connection: string): Message {
  const { topic, partition, offset } = record
  const list = record.headerEntries.map(([name, value]) => [name.toString(), value ?? null] as const)
  const { headers, properties, subject, key } = unpack(list)
  const sequence = `${topic}/${partition}`
  return new Message({
    key: record.key ?? key,
    subject: subject ?? topic,
    headers,
    bytes: record.value ?? null,
    timestamp: Number(record.timestamp),
    properties,
    source: {
      connection,
      address: topic,
      sequence,
      position: `${partition}:${offset}`,
      attempt: 1,
      identity: `${sequence}/${offset}`,
    },
  })
}
