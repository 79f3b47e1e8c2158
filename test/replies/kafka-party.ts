import type { Admin, Consumer, IHeaders, KafkaMessage, Producer } from 'kafkajs'
import { until } from '../streams/ends.ts'
import { kafkaClient } from '../streams/kafka-end.ts'
import { createTopics } from '../streams/kafka-topics.ts'
import type { Asked, Heard, Question, Requester, Responder } from './parties.ts'

const text = (value: IHeaders[string]): string => (value === undefined ? '' : Buffer.from(value as Buffer).toString())
const hex = (value: IHeaders[string]): string =>
  value === undefined ? '' : Buffer.from(value as Buffer).toString('hex')

/** Clients and topics of one party, closed and deleted together. */
class Desk implements AsyncDisposable {
  readonly admin: Admin
  readonly producer: Producer
  readonly consumer: Consumer
  readonly #topics: string[] = []

  private constructor(url: string, group: string) {
    const kafka = kafkaClient(url)
    this.admin = kafka.admin()
    this.producer = kafka.producer()
    this.consumer = kafka.consumer({ groupId: group, maxWaitTimeInMs: 50 })
  }

  static async open(url: string, group: string, topics: Readonly<Record<string, number>>): Promise<Desk> {
    const desk = new Desk(url, group)
    await Promise.all([desk.admin.connect(), desk.producer.connect(), desk.consumer.connect()])
    desk.#topics.push(...Object.keys(topics))
    await createTopics(
      desk.admin,
      Object.entries(topics).map(([topic, numPartitions]) => ({ topic, numPartitions })),
    )
    return desk
  }

  /** Resolves when the consumer has its partitions. */
  async read(topic: string, each: (message: KafkaMessage, partition: number) => Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.consumer.on('consumer.group_join', () => resolve())
    await this.consumer.subscribe({ topic, fromBeginning: true })
    await this.consumer.run({
      eachBatch: async ({ batch }) => {
        await Promise.all(batch.messages.map(message => each(message, batch.partition)))
      },
    })
    await promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.consumer.disconnect()
    await this.producer.disconnect()
    await this.admin.deleteTopics({ topics: this.#topics }).catch(() => {})
    await this.admin.disconnect()
  }
}

export interface KafkaRequesterOptions {
  readonly url: string
  /** Topic for requests; made. Answers come to `TOPIC.mine`. */
  readonly topic: string
  /** `spring`: kafka_replyTopic, kafka_correlationId and a partition · `plain`: reply-to and correlation-id. */
  readonly convention?: 'spring' | 'plain'
}

/** By kafkajs: as Spring's ReplyingKafkaTemplate asks, with the partition 2 of its topic as its own. */
export class KafkaRequester implements Requester {
  readonly heard: Heard[] = []
  /** In which answers came. */
  readonly partitions = new Set<number>()
  readonly #desk: Desk
  readonly #options: KafkaRequesterOptions

  private constructor(desk: Desk, options: KafkaRequesterOptions) {
    this.#desk = desk
    this.#options = options
  }

  static async open(options: KafkaRequesterOptions): Promise<KafkaRequester> {
    const replies = `${options.topic}.mine`
    const desk = await Desk.open(options.url, replies, { [options.topic]: 3, [replies]: 4 })
    const requester = new KafkaRequester(desk, options)
    await desk.read(replies, async ({ value, headers = {} }, partition) => {
      requester.partitions.add(partition)
      requester.heard.push({
        correlation: hex(headers['kafka_correlationId'] ?? headers['correlation-id']),
        body: String(value),
        headers,
        error: headers['sluice-error'] === undefined ? undefined : text(headers['sluice-error']),
      })
    })
    return requester
  }

  async ask(questions: readonly Question[], replies = `${this.#options.topic}.mine`): Promise<void> {
    const { topic, convention } = this.#options
    await this.#desk.producer.send({
      topic,
      messages: questions.map(({ body, correlation }) => ({
        value: body,
        headers:
          convention === 'plain'
            ? { 'reply-to': replies, 'correlation-id': correlation }
            : {
                kafka_replyTopic: replies,
                kafka_correlationId: correlation,
                kafka_replyPartition: Buffer.from([0, 0, 0, 2]),
              },
      })),
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#desk[Symbol.asyncDispose]()
  }
}

/** By kafkajs: as a Spring listener with @SendTo answers. */
export class KafkaResponder implements Responder {
  readonly asked: Asked[] = []
  mute = false
  readonly #desk: Desk

  private constructor(desk: Desk) {
    this.#desk = desk
  }

  /** @param replies the topic for answers, made beside `topic` */
  static async open(url: string, topic: string, replies: string): Promise<KafkaResponder> {
    const desk = await Desk.open(url, `${topic}.responder`, { [topic]: 3, [replies]: 3 })
    const responder = new KafkaResponder(desk)
    await desk.read(topic, message => responder.#answer(message))
    return responder
  }

  async #answer({ value, headers = {} }: KafkaMessage): Promise<void> {
    const replyTo = text(headers['kafka_replyTopic'])
    const correlation = headers['kafka_correlationId']
    this.asked.push({ body: String(value), correlation: text(correlation), replyTo })
    if (this.mute || correlation === undefined) return
    const answer = { value: `re:${String(value)}`, headers: { kafka_correlationId: correlation, by: 'kafka' } }
    await this.#desk.producer.send({ topic: replyTo, messages: [answer] })
  }

  async seen(count: number): Promise<void> {
    await until(
      () => `the responder was asked ${count} times, not ${this.asked.length}`,
      () => this.asked.length >= count,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#desk[Symbol.asyncDispose]()
  }
}
