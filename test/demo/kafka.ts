import { setTimeout as sleep } from 'node:timers/promises'
import { type Admin, type Consumer, type EachBatchPayload, Kafka, type KafkaConfig, logLevel } from 'kafkajs'

/** How kafkajs reaches what a kafka[s]:// url names. */
export function kafkaConfig(url: string): KafkaConfig {
  const match = /^kafka(s?):\/\/(?:([^:@/]*):([^@/]*)@)?([^/?]+)/.exec(url)
  if (match === null) throw new Error(`${url.replace(/\/\/.*@/, '//')} is no kafka:// url`)
  const [, tls, username, password, hosts] = match
  const login = {
    mechanism: 'plain' as const,
    username: decodeURIComponent(username ?? ''),
    password: decodeURIComponent(password ?? ''),
  }
  return {
    clientId: 'sluice-demo',
    brokers: hosts!.split(',').map(host => (host.includes(':') ? host : `${host}:9092`)),
    ssl: tls === 's',
    ...(username === undefined ? {} : { sasl: login }),
    logLevel: logLevel.NOTHING,
    connectionTimeout: 5_000,
    retry: { retries: 8, initialRetryTime: 100, maxRetryTime: 1_000 },
  }
}

/** Rejects with what is wrong where Kafka does not answer within some 10 seconds. */
export async function pingKafka(url: string): Promise<void> {
  const admin = new Kafka({ ...kafkaConfig(url), retry: { retries: 2, initialRetryTime: 100 } }).admin()
  try {
    await admin.connect()
    await admin.listTopics()
  } finally {
    await admin.disconnect().catch(() => {})
  }
}

export interface KafkaRecord {
  readonly partition: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly header: (name: string) => string | undefined
}

/** Reads everything that is written to a topic from now on, in Kafka's own words and past the gateway. */
export class TopicReader implements AsyncDisposable {
  readonly #admin: Admin
  readonly #consumer: Consumer
  readonly #topic: string
  readonly #group: string
  /** By partition: the offset of the next record to read. */
  readonly #next = new Map<number, bigint>()

  private constructor(admin: Admin, consumer: Consumer, topic: string, group: string) {
    this.#admin = admin
    this.#consumer = consumer
    this.#topic = topic
    this.#group = group
  }

  /** Remembers where the topic ends now; one that does not exist yet is read from its beginning. */
  static async open(url: string, topic: string, group: string): Promise<TopicReader> {
    const kafka = new Kafka(kafkaConfig(url))
    const admin = kafka.admin()
    await admin.connect()
    const consumer = kafka.consumer({ groupId: group, maxWaitTimeInMs: 100 })
    const reader = new TopicReader(admin, consumer, topic, group)
    for (const [partition, end] of await reader.#ends()) reader.#next.set(partition, end)
    return reader
  }

  /** Begins to read. The topic has to exist. */
  async start(onRecord: (record: KafkaRecord) => void): Promise<void> {
    const ends = await this.#ends()
    for (const partition of ends.keys()) if (!this.#next.has(partition)) this.#next.set(partition, 0n)
    await this.#consumer.connect()
    await this.#consumer.subscribe({ topic: this.#topic, fromBeginning: true })
    await this.#consumer.run({
      autoCommit: false,
      eachBatch: async payload => this.#take(payload, onRecord),
    })
    for (const [partition, offset] of this.#next)
      this.#consumer.seek({ topic: this.#topic, partition, offset: String(offset) })
  }

  #take({ batch }: EachBatchPayload, onRecord: (record: KafkaRecord) => void): void {
    const expected = this.#next.get(batch.partition) ?? 0n
    for (const { offset, key, value, headers = {} } of batch.messages) {
      // A rebuilt consumer begins at the beginning again: the group commits nothing.
      if (BigInt(offset) < expected) continue
      const header = (name: string) => [headers[name]].flat()[0]?.toString()
      onRecord({ partition: batch.partition, key, value, header })
    }
    const next = BigInt(batch.lastOffset()) + 1n
    if (next > expected) this.#next.set(batch.partition, next)
  }

  /** Resolves when everything that is in the topic now has been read. */
  async catchUp(signal: AbortSignal): Promise<void> {
    for (const [partition, end] of await this.#ends())
      while ((this.#next.get(partition) ?? 0n) < end) await sleep(20, undefined, { signal })
  }

  async #ends(): Promise<ReadonlyMap<number, bigint>> {
    if (!(await this.#admin.listTopics()).includes(this.#topic)) return new Map()
    const offsets = await this.#admin.fetchTopicOffsets(this.#topic)
    return new Map(offsets.map(({ partition, high }) => [partition, BigInt(high)]))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#consumer.disconnect().catch(() => {})
    await this.#admin.deleteGroups([this.#group]).catch(() => {})
    await this.#admin.disconnect().catch(() => {})
  }
}
