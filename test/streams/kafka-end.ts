import type { Admin, Kafka, KafkaMessage, Producer, RetryOptions } from 'kafkajs'
import { type Arrived, idOf, type Outgoing, type SourceEnd, type TargetEnd, until } from './ends.ts'
import { createTopics } from './kafka-topics.ts'
import { ownKafkajs } from './kafkajs.ts'

const { ConfigResourceTypes, Kafka: Client, logLevel, Partitioners } = ownKafkajs()

/** An independent client of the brokers that `url` (`kafka://host:port,host:port`) names. */
export function kafkaClient(url: string, retry: RetryOptions = { retries: 20, maxRetryTime: 1_000 }): Kafka {
  return new Client({
    clientId: 'witness',
    brokers: url.slice('kafka://'.length).split(','),
    logLevel: logLevel.NOTHING,
    retry,
  })
}

export interface KafkaEndOptions {
  readonly url: string
  readonly topic: string
  /** Default 4. */
  readonly partitions?: number
  /** Settings of the topic, e.g. `max.message.bytes`. */
  readonly config?: Readonly<Record<string, string>>
  /** More of `from:` or `to:`. */
  readonly options?: object
  /** `false` makes no topic. */
  readonly create?: boolean
}

/** A topic at its source end or its target end, by kafkajs. */
export class KafkaEnd implements SourceEnd, TargetEnd {
  readonly connection: object
  readonly topic: string
  readonly kafka: Kafka
  readonly admin: Admin
  readonly arrived: Arrived[] = []
  /** As kafkajs delivered them. */
  readonly raw: KafkaMessage[] = []
  readonly #options: KafkaEndOptions
  readonly #open: (() => Promise<void>)[] = []
  /** Offset behind the last record read, by partition. */
  readonly #read = new Map<number, bigint>()
  #reading = false
  #producer: Promise<Producer> | undefined

  private constructor(options: KafkaEndOptions) {
    this.#options = options
    this.topic = options.topic
    this.connection = { url: options.url }
    this.kafka = kafkaClient(options.url)
    this.admin = this.kafka.admin()
  }

  static async open(options: KafkaEndOptions): Promise<KafkaEnd> {
    const end = new KafkaEnd(options)
    await end.admin.connect()
    end.#open.push(() => end.admin.disconnect())
    if (options.create !== false) await end.create()
    return end
  }

  /** Makes the topic. */
  async create(): Promise<void> {
    const { topic, partitions = 4, config = {} } = this.#options
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
    await createTopics(this.admin, [{ topic, numPartitions: partitions, configEntries }])
  }

  /** Changes settings of the topic. */
  async configure(config: Readonly<Record<string, string>>): Promise<void> {
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
    await this.admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name: this.topic, configEntries }],
    })
  }

  get from(): object {
    return { topic: this.topic, group: this.group, ...this.#options.options }
  }

  get to(): object {
    return { topic: this.topic, key: '${headers.key}', ...this.#options.options }
  }

  get group(): string {
    return `${this.topic}.group`
  }

  async send(messages: readonly Outgoing[], topic = this.topic): Promise<void> {
    const producer = await (this.#producer ??= this.#produce())
    for (const batch of batches(messages)) {
      const records = batch.map(({ key, body, headers = {} }) => ({
        key,
        value: body,
        headers: { ...headers, ...(key === null ? {} : { key }) },
      }))
      await producer.send({ topic, messages: records, acks: -1 })
    }
  }

  async #produce(): Promise<Producer> {
    const producer = this.kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, idempotent: true })
    await producer.connect()
    this.#open.push(() => producer.disconnect())
    return producer
  }

  async left(): Promise<number> {
    const ends = await this.#ends()
    const [committed] = await this.admin.fetchOffsets({ groupId: this.group, topics: [this.topic] })
    const done = new Map(committed!.partitions.map(one => [one.partition, BigInt(one.offset)]))
    let left = 0n
    for (const [partition, { low, high }] of ends) {
      const at = done.get(partition) ?? -1n
      left += high - (at < low ? low : at)
    }
    return Number(left)
  }

  /** Starts to read the topic from its beginning into `arrived`, in a group of its own; once. */
  async read(): Promise<void> {
    if (this.#reading) return
    this.#reading = true
    const consumer = this.kafka.consumer({
      groupId: `${this.topic}.witness.${performance.now()}`,
      maxWaitTimeInMs: 100,
      maxBytesPerPartition: 32 * 2 ** 20,
      maxBytes: 64 * 2 ** 20,
    })
    this.#open.push(() => consumer.disconnect())
    await consumer.connect()
    await consumer.subscribe({ topic: this.topic, fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        for (const record of batch.messages) {
          const { key, value, headers, offset } = record
          const next = BigInt(offset) + 1n
          if (next <= (this.#read.get(batch.partition) ?? 0n)) continue // fetched again after a reconnect of the witness
          this.#read.set(batch.partition, next)
          this.raw.push(record)
          const texts = new Map(Object.entries(headers ?? {}).map(([name, one]) => [name, String(one)]))
          this.arrived.push({
            id: idOf(value, texts),
            key: key === null ? null : key.toString(),
            body: value,
            headers: texts,
            at: performance.now(),
            partition: batch.partition,
          })
        }
      },
    })
  }

  async drain(): Promise<readonly Arrived[]> {
    const ends = [...(await this.#ends())].filter(([, { low, high }]) => high > low)
    await until(
      () => `the witness has read ${this.topic} to its end; it has ${this.arrived.length}`,
      () => ends.every(([partition, { high }]) => (this.#read.get(partition) ?? 0n) >= high),
    )
    return this.arrived
  }

  /** Messages in the topic, by its offsets. */
  async count(): Promise<number> {
    let count = 0n
    for (const { low, high } of (await this.#ends()).values()) count += high - low
    return Number(count)
  }

  async #ends(): Promise<Map<number, { low: bigint; high: bigint }>> {
    const offsets = await this.admin.fetchTopicOffsets(this.topic)
    return new Map(offsets.map(one => [one.partition, { low: BigInt(one.low), high: BigInt(one.high) }]))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#options.create !== false) await this.admin.deleteTopics({ topics: [this.topic] }).catch(() => {})
    for (const close of this.#open.reverse()) await close()
  }
}

/** At most a thousand at once, and no more bytes than a broker takes for one partition. */
function* batches(messages: readonly Outgoing[]): Generator<readonly Outgoing[]> {
  let batch: Outgoing[] = []
  let bytes = 0
  for (const message of messages) {
    const size = message.body?.length ?? 0
    if (batch.length === 1_000 || (batch.length > 0 && bytes + size > 512 * 1024)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(message)
    bytes += size
  }
  if (batch.length > 0) yield batch
}
