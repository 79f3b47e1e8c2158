import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Broker } from '../brokers/broker.ts'
import { account, expectExactly } from '../streams/account.ts'
import { type Arrived, type Outgoing, until } from '../streams/ends.ts'
import { fill } from '../streams/gateway.ts'
import { KafkaEnd } from '../streams/kafka-end.ts'
import { GatewayFolder, type GatewayProcess } from './gateway-process.ts'

const TEMPLATE = `
version: 1
admin: false
plugins: []
connections:
  kafka: { url: $URL, requestTimeout: 5s, connectTimeout: 5s }
routes:
  exactly:
    from: { connection: kafka, $FROM }
    to: { connection: kafka, $TO }
    delivery: exactly-once
    order: { by: "\${headers.key}" }
    retry: { backoff: { initial: 50ms, max: 1s } }
`
/** So that the place of a killed gateway in its group is soon given away. */
const GROUP = { sessionTimeout: '1500ms', heartbeatInterval: '300ms', rebalanceTimeout: '10s', drain: '2s' }
const FETCH = { fetch: { maxWait: '100ms' }, commit: { interval: '100ms' } }
const SENTINEL = 'sentinel'

export interface ExactlyOptions {
  readonly sent: readonly Outgoing[]
  /** More of the route, indented by four. `$DEAD` is a topic for dead letters on the same connection. */
  readonly route?: string
  readonly targetConfig?: Readonly<Record<string, string>>
}

/** A route between two topics of one cluster, exactly once, and what readers of committed records find at its end. */
export class Exactly implements AsyncDisposable {
  readonly sent: Outgoing[]
  readonly source: KafkaEnd
  readonly target: KafkaEnd
  readonly dead: KafkaEnd
  readonly gateways: GatewayProcess[] = []
  readonly #url: string
  readonly #folder: GatewayFolder

  private constructor(ends: Pick<Exactly, 'source' | 'target' | 'dead'>, url: string, options: ExactlyOptions) {
    this.#url = url
    this.source = ends.source
    this.target = ends.target
    this.dead = ends.dead
    this.sent = [...options.sent]
    const routes = fill(TEMPLATE + (options.route ?? ''), {
      URL: url,
      FROM: { topic: ends.source.topic, group: ends.source.group, from: 'earliest', ...GROUP, ...FETCH },
      TO: { topic: ends.target.topic, key: '${headers.key}', transactionTimeout: '5s' },
      DEAD: ends.dead.topic,
    })
    this.#folder = new GatewayFolder(routes)
  }

  static async open(kafka: Pick<Broker, 'url'>, options: ExactlyOptions): Promise<Exactly> {
    const name = `exactly.${randomUUID().slice(0, 8)}`
    const end = (topic: string, config = {}) => KafkaEnd.open({ url: kafka.url, topic, partitions: 3, config })
    const source = await end(`${name}.source`)
    const target = await end(`${name}.target`, options.targetConfig)
    const dead = await end(`${name}.dead`)
    await source.send(options.sent)
    return new Exactly({ source, target, dead }, kafka.url, options)
  }

  /** More for the source, behind what is there. */
  async feed(messages: readonly Outgoing[]): Promise<void> {
    this.sent.push(...messages)
    // A producer of its own each time: one of kafkajs that has seen a leader move confirmed 1,000 messages and stored 715 of them.
    await using source = await KafkaEnd.open({ url: this.#url, topic: this.source.topic, create: false })
    await source.send(messages)
  }

  async gateway(): Promise<GatewayProcess> {
    const gateway = await this.#folder.start()
    this.gateways.push(gateway)
    return gateway
  }

  /** Source messages before the committed offsets; undefined while the broker is away. */
  async settled(): Promise<number | undefined> {
    return this.source.left().then(
      left => this.sent.length - left,
      () => undefined,
    )
  }

  async progress(count: number, ms = 300_000): Promise<void> {
    const said = () => this.gateways.at(-1)?.tail
    await until(
      () => `${count} messages are settled; the last gateway says:\n${said()}`,
      async () => {
        const ended = this.gateways.find(gateway => !gateway.running && !gateway.ended)
        if (ended !== undefined) throw new Error(`a gateway ended by itself; it said:\n${ended.tail}`)
        await sleep(50)
        return ((await this.settled()) ?? 0) >= count
      },
      ms,
    )
  }

  async midStream(fraction: number, fault: () => Promise<unknown>): Promise<void> {
    await this.progress(Math.floor(this.sent.length * fraction))
    expect(await this.settled(), 'the fault comes in mid-stream').toBeLessThan(this.sent.length)
    await fault()
  }

  /** Waits for the rest and stops the gateways in order. */
  async finish(): Promise<void> {
    await this.progress(this.sent.length)
    for (const gateway of this.gateways)
      if (!gateway.ended) expect(await gateway.stop(), `exit code; it said:\n${gateway.tail}`).toBe(0)
    for (const gateway of this.gateways) expect(gateway.noise, 'nothing but log lines').toEqual([])
    expect(await this.settled()).toBe(this.sent.length)
  }

  /** Everything in the topic up to now that a reader of committed records gets. */
  async read(end: KafkaEnd): Promise<readonly Arrived[]> {
    const producer = end.kafka.producer()
    await producer.connect()
    const messages = [0, 1, 2].map(partition => ({ partition, value: null, headers: { id: SENTINEL } }))
    await producer.send({ topic: end.topic, messages })
    await producer.disconnect()
    await end.read()
    const marks = () => end.arrived.filter(({ id }) => id === SENTINEL).length
    await until(
      () => `the witness has read ${end.topic} to its end; it has ${end.arrived.length}`,
      () => marks() === 3,
    )
    return end.arrived.filter(({ id }) => id !== SENTINEL)
  }

  /** `expectExactly` at the target; where a message is there twice, with what tells how that came. */
  async expectExactly(sent: readonly Outgoing[] = this.sent): Promise<void> {
    const arrived = await this.read(this.target)
    const { duplicated } = account(sent, arrived)
    if (duplicated.size > 0) {
      const one = [...duplicated.keys()][0]!
      const copies = this.target.raw.filter(({ value }) => value?.includes(`"${one}"`))
      const batches = copies.map(copy => JSON.stringify({ ...copy, key: String(copy.key), value: undefined }))
      const said = this.gateways.map(({ log }) => log.map(line => JSON.stringify(line)).join('\n'))
      expect.fail(`${duplicated.size} messages are there twice, e.g. ${one}:\n${[...batches, ...said].join('\n')}`)
    }
    expectExactly(sent, arrived)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const gateway of this.gateways) await gateway.kill()
    this.#folder[Symbol.dispose]()
    for (const end of [this.source, this.target, this.dead]) await end[Symbol.asyncDispose]()
  }
}
