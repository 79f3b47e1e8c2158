import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { type Broker, startBroker } from '../brokers/broker.ts'
import { type FaultProxy, proxyFor } from '../brokers/proxy.ts'
import { type Account, account, messages } from '../streams/account.ts'
import { type Outgoing, until } from '../streams/ends.ts'
import { fill } from '../streams/gateway.ts'
import { KafkaEnd } from '../streams/kafka-end.ts'
import { RabbitEnd } from '../streams/rabbit-end.ts'
import { GatewayFolder, type GatewayProcess } from './gateway-process.ts'
import { declarePartitions, leftInPartitions, sendToPartitions } from './partitioned.ts'

export type Way = 'rabbitmq → kafka' | 'kafka → rabbitmq'
export const WAYS: readonly Way[] = ['rabbitmq → kafka', 'kafka → rabbitmq']

const TEMPLATE = `
version: 1
admin: false
plugins: []
connections:
  rabbitmq: { url: $RABBIT, heartbeat: 5s }
  kafka: { url: $KAFKA }
routes:
  faults:
    from: { connection: $SOURCE, $FROM }
    to: { connection: $TARGET, $TO }
    order: { by: "\${headers.key}" }
    deadLetter: { connection: rabbitmq, queue: $DEAD, type: classic }
`

/** Brokers of the tests' own, that may be stopped and frozen, each behind a proxy that can be cut. */
export class Brokers implements AsyncDisposable {
  readonly rabbitmq: Broker
  readonly kafka: Broker
  readonly rabbitmqProxy: FaultProxy & { readonly url: string }
  readonly kafkaProxy: FaultProxy & { readonly url: string }

  private constructor(parts: Pick<Brokers, 'rabbitmq' | 'kafka' | 'rabbitmqProxy' | 'kafkaProxy'>) {
    this.rabbitmq = parts.rabbitmq
    this.kafka = parts.kafka
    this.rabbitmqProxy = parts.rabbitmqProxy
    this.kafkaProxy = parts.kafkaProxy
  }

  static async start(name: string): Promise<Brokers> {
    const own = `${name}-${process.pid}`
    const [rabbitmq, kafka] = await Promise.all([
      startBroker('rabbitmq4', { instance: own }),
      startBroker('kafka', { instance: own }),
    ])
    return new Brokers({ rabbitmq, kafka, rabbitmqProxy: await proxyFor(rabbitmq), kafkaProxy: await proxyFor(kafka) })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.rabbitmqProxy.close(), this.kafkaProxy.close()])
    await Promise.all([this.rabbitmq[Symbol.asyncDispose](), this.kafka[Symbol.asyncDispose]()])
  }
}

export interface ArenaOptions {
  readonly way: Way
  readonly count: number
  readonly keys?: number
  /** More of the route, indented by four. */
  readonly more?: string
  /** Of the source queue and the target queue; default quorum. */
  readonly queue?: 'quorum' | 'classic'
  /** More of `from:` where that is a queue. */
  readonly from?: object
  /** The queue is this many partitions, by the header `key`. */
  readonly partitions?: number
  /** Further arguments of the queue. */
  readonly arguments?: Readonly<Record<string, unknown>>
}

/** One route between two brokers, a backlog in its source, and a count at its target. */
export class Arena implements AsyncDisposable {
  readonly way: Way
  readonly #sent: Outgoing[]
  readonly name = `faults.${randomUUID().slice(0, 8)}`
  readonly #brokers: Brokers
  readonly #partitions: number | undefined
  readonly #folder: GatewayFolder
  readonly gateways: GatewayProcess[] = []

  private constructor(brokers: Brokers, options: ArenaOptions) {
    this.way = options.way
    this.#brokers = brokers
    this.#partitions = options.partitions
    this.#sent = messages({ count: options.count, keys: options.keys ?? 200, size: 200 })
    const queue = { queue: this.name, type: options.queue ?? 'quorum' }
    const fromRabbit = options.way === 'rabbitmq → kafka'
    this.#folder = new GatewayFolder(
      fill(TEMPLATE + (options.more ?? ''), {
        RABBIT: brokers.rabbitmqProxy.url,
        KAFKA: brokers.kafkaProxy.url,
        SOURCE: fromRabbit ? 'rabbitmq' : 'kafka',
        TARGET: fromRabbit ? 'kafka' : 'rabbitmq',
        FROM: fromRabbit
          ? { ...queue, ...partitioning(options.partitions), ...options.from }
          : {
              topic: this.name,
              group: `${this.name}.group`,
              from: 'earliest',
              sessionTimeout: '3s',
              heartbeatInterval: '500ms',
            },
        TO: fromRabbit ? { topic: this.name, key: '${headers.key}' } : queue,
        DEAD: `${this.name}.dead`,
      }),
    )
  }

  /** Makes both addresses and puts the messages into the source. */
  static async open(brokers: Brokers, options: ArenaOptions): Promise<Arena> {
    const arena = new Arena(brokers, options)
    // Opened as if they were there already: an end that made its address would remove it with itself.
    await using kafka = await arena.#topic()
    await kafka.create()
    await using rabbit = await arena.#queue()
    await rabbit.channel.assertQueue(`${arena.name}.dead`, { durable: true, arguments: { 'x-queue-type': 'classic' } })
    const { channel } = rabbit
    if (options.partitions !== undefined) {
      await declarePartitions(channel, arena.name, options.partitions)
      await sendToPartitions(channel, arena.name, arena.sent)
      return arena
    }
    await channel.assertQueue(arena.name, {
      durable: true,
      arguments: { 'x-queue-type': options.queue ?? 'quorum', ...options.arguments },
    })
    await (options.way === 'rabbitmq → kafka' ? rabbit : kafka).send(arena.sent)
    return arena
  }

  /** Everything that was put into the source, in its order. */
  get sent(): readonly Outgoing[] {
    return this.#sent
  }

  /** More for the source, behind what is there. */
  async feed(more: readonly Outgoing[]): Promise<void> {
    this.#sent.push(...more)
    await using end = await (this.way === 'rabbitmq → kafka' ? this.#queue() : this.#topic())
    if (this.#partitions === undefined) await end.send(more)
    else await sendToPartitions((end as RabbitEnd).channel, this.name, more)
  }

  #queue(name = this.name): Promise<RabbitEnd> {
    return RabbitEnd.open({ url: this.#brokers.rabbitmq.url, queue: name, type: 'none' })
  }

  #topic(): Promise<KafkaEnd> {
    return KafkaEnd.open({ url: this.#brokers.kafka.url, topic: this.name, partitions: 6, create: false })
  }

  /** Starts a gateway process, with these further arguments; several share the work. */
  async gateway(more: readonly string[] = []): Promise<GatewayProcess> {
    const gateway = await this.#folder.start(more)
    this.gateways.push(gateway)
    return gateway
  }

  /** How many there are in the target now, copies included; undefined while it cannot be asked. */
  async arrived(): Promise<number | undefined> {
    try {
      if (this.way === 'kafka → rabbitmq') {
        await using queue = await this.#queue()
        return await queue.left()
      }
      await using topic = await this.#topic()
      return await topic.count()
    } catch {
      return undefined
    }
  }

  /** Waits until at least `count` are in the target. */
  async progress(count: number, ms = 300_000): Promise<void> {
    const end = performance.now() + ms
    for (let seen = await this.arrived(); (seen ?? 0) < count; seen = await this.arrived()) {
      const ended = this.gateways.find(gateway => !gateway.running && !gateway.ended)
      if (ended !== undefined) throw new Error(`a gateway ended by itself; it said:\n${ended.tail}`)
      if (performance.now() > end)
        throw new Error(
          `${seen} of ${count} arrived in ${ms / 1000} s; the gateway says:\n${this.gateways.at(-1)?.tail}`,
        )
      await sleep(100)
    }
  }

  /** Something breaks while messages flow: neither before the first nor after the last. */
  async midStream(fraction: number, fault: () => Promise<void> | void): Promise<void> {
    await this.progress(Math.floor(this.sent.length * fraction))
    expect(await this.arrived(), 'the fault comes in mid-stream').toBeLessThan(this.sent.length)
    await fault()
  }

  /** Waits for the rest, stops the gateways in order, and counts at the target with a client of its own. */
  async finish(label: string): Promise<Account> {
    await this.progress(this.sent.length)
    // Copies count as arrived: the source says when it has nothing left.
    await until(
      () => `the source is empty; the gateway says:\n${this.gateways.at(-1)?.tail}`,
      async () => (await this.left()) === 0,
      180_000,
    )
    // What a gateway has in hand does not show in the source: it is done when nothing more arrives.
    for (let last = -1, now = await this.arrived(); now !== last; now = await this.arrived()) {
      last = now ?? -1
      await sleep(2_000)
    }
    for (const gateway of this.gateways) {
      if (gateway.ended) continue
      expect(await gateway.stop(), `exit code; it said:\n${gateway.tail}`).toBe(0)
    }
    expect(await this.left(), 'nothing is left unacknowledged').toBe(0)
    const result = await this.count()
    const copies = [...result.duplicated.values()].reduce((sum, each) => sum + each, 0)
    console.log(
      `${this.way}, ${label}: acknowledged ${result.acknowledged}, lost ${result.lost.length}, duplicated ${copies}, ` +
        `unexpected ${result.unexpected.length}, out of order ${result.disordered.length}`,
    )
    for (const gateway of this.gateways) expect(gateway.noise, 'nothing but log lines').toEqual([])
    expect(await this.deadReasons(), 'nothing is put aside').toEqual([])
    expect(result).toMatchObject({ lost: [], unexpected: [], disordered: [], altered: [] })
    return result
  }

  /** What waits in the source; with the gateway stopped, what it has not acknowledged too. */
  async left(): Promise<number | undefined> {
    try {
      if (this.#partitions !== undefined) {
        await using queue = await this.#queue()
        return await leftInPartitions(queue.channel, this.name, this.#partitions)
      }
      await using end = await (this.way === 'rabbitmq → kafka' ? this.#queue() : this.#topic())
      return await end.left()
    } catch {
      return undefined
    }
  }

  async count(): Promise<Account> {
    if (this.way === 'rabbitmq → kafka') {
      await using topic = await this.#topic()
      await topic.read()
      return account(this.sent, await topic.drain())
    }
    await using queue = await this.#queue()
    return account(this.sent, await queue.drain())
  }

  /** Why messages are in the dead-letter queue, one sentence each. Empties it. */
  async deadReasons(): Promise<readonly string[]> {
    await using queue = await this.#queue(`${this.name}.dead`)
    const letters = await queue.drain()
    return letters.map(
      ({ id, headers }) => `${id}: ${headers.get('sluice-dead-reason')}: ${headers.get('sluice-dead-message')}`,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const gateway of this.gateways) await gateway.kill()
    this.#folder[Symbol.dispose]()
  }
}

const partitioning = (partitions: number | undefined) =>
  partitions === undefined ? {} : { partitions, partitionBy: { header: 'key' } }

/** How many copies of messages there are. */
export const copies = (result: Account) => [...result.duplicated.values()].reduce((sum, each) => sum + each, 0)
