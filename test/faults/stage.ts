import { randomUUID } from 'node:crypto'
import type { Broker } from '../brokers/broker.ts'
import { callManagement } from '../brokers/management.ts'
import type { Arrived, Outgoing } from '../streams/ends.ts'
import { fill } from '../streams/gateway.ts'
import { KafkaEnd } from '../streams/kafka-end.ts'
import { RabbitEnd } from '../streams/rabbit-end.ts'
import { Gauge } from './gauge.ts'

export type Way = 'rabbitmq → kafka' | 'kafka → rabbitmq'
export const ways: readonly Way[] = ['rabbitmq → kafka', 'kafka → rabbitmq']

export interface StageOptions {
  readonly way: Way
  readonly rabbit: Pick<Broker, 'url' | 'management'>
  readonly kafka: Pick<Broker, 'url'>
  /** Where the gateway finds them, when that is a proxy. */
  readonly rabbitUrl?: string
  readonly kafkaUrl?: string
  /** Further nodes of the same cluster, as `host:port`. */
  readonly rabbitHosts?: readonly string[]
  /** Default quorum. */
  readonly queueType?: 'quorum' | 'classic'
  readonly queueArguments?: Readonly<Record<string, unknown>>
  /** More of `from:` and of the route, as YAML; the route's lines are indented by four. */
  readonly from?: object
  readonly route?: string
}

const TEMPLATE = `
version: 1
admin: false
connections:
  source: { $SOURCE }
  target: { $TARGET }
routes:
  faults:
    from: { connection: source, $FROM }
    to: { connection: target, $TO }
    retry: { backoff: { initial: 50ms, max: 1s } }
`

/** What a member of a group that was killed costs: the broker waits so long before its partitions go to another. */
const GROUP = { sessionTimeout: '3s', heartbeatInterval: '500ms', rebalanceTimeout: '15s' }
/** Brokers that answer nothing are given up sooner than usual, so that the tests are short. */
const KAFKA = { requestTimeout: '5s', connectTimeout: '5s' }
const RABBIT = { heartbeat: '5s', connectTimeout: '5s' }

/** One queue and one topic on brokers that will be broken, and independent looks at both. */
export class Stage {
  readonly options: StageOptions
  readonly name = `faults.${randomUUID().slice(0, 8)}`
  readonly fromKafka: boolean
  readonly gauge: Gauge

  private constructor(options: StageOptions) {
    this.options = options
    this.fromKafka = options.way === 'kafka → rabbitmq'
    this.gauge = new Gauge(this.fromKafka ? options.rabbit : options.kafka, this.name)
  }

  /** Declares both ends. */
  static async open(options: StageOptions): Promise<Stage> {
    const stage = new Stage(options)
    await using ends = new AsyncDisposableStack()
    const kafka = ends.use(await stage.#kafkaEnd())
    const rabbit = ends.use(await stage.#rabbitEnd())
    await kafka.create()
    await rabbit.channel.assertQueue(stage.name, { durable: true, arguments: stage.#declaration })
    return stage
  }

  get #declaration(): Record<string, unknown> {
    return { 'x-queue-type': this.options.queueType ?? 'quorum', ...this.options.queueArguments }
  }

  // Neither end declares or deletes anything when it is opened and closed.
  #kafkaEnd(): Promise<KafkaEnd> {
    return KafkaEnd.open({ url: this.options.kafka.url, topic: this.name, create: false, partitions: 6 })
  }

  #rabbitEnd(): Promise<RabbitEnd> {
    return RabbitEnd.open({ url: this.options.rabbit.url, queue: this.name, type: 'none' })
  }

  get routes(): string {
    const { rabbit, kafka, rabbitUrl = rabbit.url, kafkaUrl = kafka.url, rabbitHosts } = this.options
    const queue = { queue: this.name, type: this.options.queueType ?? 'quorum' }
    const log = { topic: this.name, group: `${this.name}.group`, ...GROUP }
    const kafkaConnection = { url: kafkaUrl, ...KAFKA }
    const rabbitConnection = { url: rabbitUrl, ...(rabbitHosts && { hosts: rabbitHosts }), ...RABBIT }
    const ends = this.fromKafka
      ? { SOURCE: kafkaConnection, TARGET: rabbitConnection, FROM: log, TO: queue }
      : { SOURCE: rabbitConnection, TARGET: kafkaConnection, FROM: queue, TO: keyed(this.name) }
    const from = { ...ends.FROM, ...this.options.from }
    return fill(TEMPLATE + (this.options.route ?? ''), { ...ends, FROM: from })
  }

  /** Puts messages into the source; every one is confirmed. */
  async load(messages: readonly Outgoing[]): Promise<void> {
    await using source = await (this.fromKafka ? this.#kafkaEnd() : this.#rabbitEnd())
    for (let i = 0; i < messages.length; i += 1_000) await source.send(messages.slice(i, i + 1_000))
  }

  /** Messages the source still owes: waiting, or held by a gateway and not acknowledged. */
  async owed(): Promise<number> {
    if (this.fromKafka) {
      await using source = await this.#kafkaEnd()
      return await source.left()
    }
    const { management } = this.options.rabbit
    const queue = (await callManagement(management!, 'GET', `/api/queues/%2F/${this.name}`)) as { messages?: number }
    return queue.messages ?? Number.NaN
  }

  /** Everything at the target, read by a client that has seen nothing before. Gateways must be gone. */
  async read(): Promise<readonly Arrived[]> {
    await using target = await (this.fromKafka ? this.#rabbitEnd() : this.#kafkaEnd())
    await target.read()
    return await target.drain()
  }

  async close(): Promise<void> {
    await this.gauge.close()
  }
}

const keyed = (topic: string) => ({ topic, key: '${headers.key}' })
