import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { kafkaClient } from '../streams/kafka-end.ts'
import { createTopics } from '../streams/kafka-topics.ts'
import { decodeBatches, encodeBatch, type KafkaRecord } from './kafka-bytes.ts'

const PRODUCE = 0
const FETCH = 1
// By default Kafka refuses records from more than an hour in the future.
const ANY_TIME = [{ name: 'message.timestamp.after.max.ms', value: String(2n ** 63n - 1n) }]
const PATIENCE_MS = 120_000

/**
 * A witness at Kafka: produces and fetches records of one topic with one partition as they stand on the wire, by a protocol
 * of its own (Produce 3, Fetch 4). Only the topic is made by kafkajs.
 */
export class KafkaClient implements AsyncDisposable {
  readonly topic: string
  readonly #socket: Socket
  readonly #dispose: () => Promise<void>
  #rest: Buffer = Buffer.alloc(0)
  #correlation = 0

  private constructor(topic: string, socket: Socket, dispose: () => Promise<void>) {
    this.topic = topic
    this.#socket = socket
    this.#dispose = dispose
  }

  /** Makes the topic, which is deleted at the end; `config` are its settings. */
  static async open(url: string, topic: string, config = ANY_TIME): Promise<KafkaClient> {
    const admin = kafkaClient(url).admin()
    await admin.connect()
    await createTopics(admin, [{ topic, numPartitions: 1, configEntries: config }])
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    const { brokers } = await admin.describeCluster()
    const { host, port } = brokers.find(one => one.nodeId === topics[0]!.partitions[0]!.leader)!
    const socket = connect({ host, port, noDelay: true })
    await once(socket, 'connect')
    return new KafkaClient(topic, socket, async () => {
      socket.destroy()
      await admin.deleteTopics({ topics: [topic] })
      await admin.disconnect()
    })
  }

  /** Stores the records in one batch. */
  async produce(records: readonly KafkaRecord[]): Promise<void> {
    const batch = encodeBatch(records)
    const answer = await this.#ask(PRODUCE, 3, [
      int16(-1), // no transaction
      int16(-1), // all in-sync replicas
      int32(30_000),
      ...this.#partition(int32(batch.length), batch),
    ])
    const error = answer.readInt16BE(this.#answered + 4)
    if (error !== 0) throw new Error(`Kafka refused the batch with error ${error}`)
  }

  /** The first `count` records of the topic. */
  async fetch(count: number): Promise<KafkaRecord[]> {
    const records: KafkaRecord[] = []
    const end = performance.now() + PATIENCE_MS
    for (let offset = 0n; records.length < count; ) {
      if (performance.now() > end) throw new Error(`${records.length} of ${count} have come to ${this.topic}`)
      for (const one of await this.#fetch(offset)) {
        if (one.offset < offset) continue
        records.push(one.record)
        offset = one.offset + 1n
      }
    }
    return records.slice(0, count)
  }

  async #fetch(offset: bigint) {
    const most = int32(8 * 2 ** 20)
    const from = Buffer.alloc(8)
    from.writeBigInt64BE(offset)
    const head = [int32(-1), int32(500), int32(1), most, Buffer.alloc(1)]
    const answer = await this.#ask(FETCH, 4, [...head, ...this.#partition(from, most)])
    const at = 4 + this.#answered + 4
    const error = answer.readInt16BE(at)
    if (error !== 0) throw new Error(`Kafka refused to read with error ${error}`)
    const aborted = Math.max(0, answer.readInt32BE(at + 18))
    const records = at + 22 + aborted * 16
    return decodeBatches(answer.subarray(records + 4, records + 4 + answer.readInt32BE(records)))
  }

  #partition(...parts: readonly Buffer[]): Buffer[] {
    return [int32(1), string(this.topic), int32(1), int32(0), ...parts]
  }

  // Bytes of an answer before its one partition: count of topics, name, count of partitions.
  get #answered(): number {
    return 4 + 2 + Buffer.byteLength(this.topic) + 4
  }

  async #ask(api: number, version: number, parts: readonly Buffer[]): Promise<Buffer> {
    const head = [int16(api), int16(version), int32(++this.#correlation), string('witness')]
    const request = Buffer.concat([...head, ...parts])
    this.#socket.write(Buffer.concat([int32(request.length), request]))
    const complete = () => this.#rest.length >= 4 && this.#rest.length >= 4 + this.#rest.readInt32BE(0)
    while (!complete()) {
      const [chunk] = await once(this.#socket, 'data', { signal: AbortSignal.timeout(PATIENCE_MS) })
      this.#rest = Buffer.concat([this.#rest, chunk as Buffer])
    }
    const end = 4 + this.#rest.readInt32BE(0)
    const answer = this.#rest.subarray(8, end)
    this.#rest = this.#rest.subarray(end)
    return answer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dispose()
  }
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function string(value: string): Buffer {
  return Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)])
}
