import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { account, message } from '../streams/account.ts'
import type { Arrived, Outgoing } from '../streams/ends.ts'
import { KafkaEnd } from '../streams/kafka-end.ts'
import { RabbitEnd } from '../streams/rabbit-end.ts'
import type { Brokers } from './arena.ts'

/** What can change from one reload to the next. */
export interface Wishes {
  /** Name of the route from RabbitMQ to Kafka, which of two topics it fills, its transform, and its room. */
  rk: { name: string; target: 0 | 1; mark: number; inFlight: number }
  /** The same from Kafka to RabbitMQ. */
  kr: { name: string; target: 0 | 1; mark: number; inFlight: number }
  /** Further routes, which carry nothing. */
  more: readonly string[]
}

export const FIRST: Wishes = {
  rk: { name: 'rk', target: 0, mark: 0, inFlight: 500 },
  kr: { name: 'kr', target: 0, mark: 0, inFlight: 500 },
  more: [],
}

/** Messages of each way in one round of feeding, and the time between two rounds, in ms. */
const ROUND = 10
const EVERY = 50
const KEYS = 20

/** Both ways between RabbitMQ and Kafka under a steady load, with two targets each. */
export class ReloadStage implements AsyncDisposable {
  readonly name = `reload.${randomUUID().slice(0, 8)}`
  readonly sent: Readonly<Record<'rk' | 'kr', Outgoing[]>> = { rk: [], kr: [] }
  readonly #brokers: Brokers
  readonly #stack = new AsyncDisposableStack()
  readonly #stop = new AbortController()
  #queue!: RabbitEnd
  #topic!: KafkaEnd
  #feeding: Promise<void> = Promise.resolve()

  private constructor(brokers: Brokers) {
    this.#brokers = brokers
  }

  static async open(brokers: Brokers): Promise<ReloadStage> {
    const stage = new ReloadStage(brokers)
    stage.#queue = stage.#stack.use(await stage.#rabbit('in'))
    for (const name of ['in', '0', '1', 'more'])
      await stage.#queue.channel.assertQueue(`${stage.name}.${name}`, {
        durable: true,
        arguments: { 'x-queue-type': 'quorum' },
      })
    stage.#topic = stage.#stack.use(await stage.#kafka('in'))
    await stage.#topic.create()
    for (const name of ['0', '1', 'more']) {
      await using target = await stage.#kafka(name)
      await target.create()
    }
    return stage
  }

  #rabbit(name: string): Promise<RabbitEnd> {
    return RabbitEnd.open({ url: this.#brokers.rabbitmq.url, queue: `${this.name}.${name}`, type: 'none' })
  }

  #kafka(name: string): Promise<KafkaEnd> {
    return KafkaEnd.open({ url: this.#brokers.kafka.url, topic: `${this.name}.${name}`, create: false })
  }

  /** Sends to both sources until `end`. */
  feed(): void {
    this.#feeding = this.#feed()
  }

  async #feed(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const rounds = (['rk', 'kr'] as const).map(way => {
        const from = this.sent[way].length
        const round = Array.from({ length: ROUND }, (_, n) =>
          message(`${way}${from + n}`, `k${(from + n) % KEYS}`, Math.floor((from + n) / KEYS)),
        )
        this.sent[way].push(...round)
        return round
      })
      await Promise.all([this.#queue.send(rounds[0]!), this.#topic.send(rounds[1]!)])
      await sleep(EVERY, undefined, { signal: this.#stop.signal }).catch(() => {})
    }
  }

  async end(): Promise<void> {
    this.#stop.abort()
    await this.#feeding
  }

  /** What waits in both sources. */
  async left(): Promise<number> {
    return (await this.#queue.left()) + (await this.#topic.left())
  }

  /** How many each way has lost, how many came out of order within a target, and how many twice. Gateways must be gone. */
  async count(): Promise<Record<'rk' | 'kr', { sent: number; lost: number; disordered: number; copies: number }>> {
    const rk = [await this.#read(await this.#kafka('0')), await this.#read(await this.#kafka('1'))]
    const kr = [await this.#read(await this.#rabbit('0')), await this.#read(await this.#rabbit('1'))]
    return { rk: tally(this.sent.rk, rk), kr: tally(this.sent.kr, kr) }
  }

  async #read(end: KafkaEnd | RabbitEnd): Promise<readonly Arrived[]> {
    await using target = end
    await target.read()
    return [...(await target.drain())]
  }

  /** Writes routes.yaml. */
  write(file: string, wishes: Wishes): void {
    writeFileSync(file, this.yaml(wishes))
  }

  yaml({ rk, kr, more }: Wishes): string {
    const { rabbitmqProxy, kafkaProxy } = this.#brokers
    const group = { group: `${this.name}.in.group`, from: 'earliest', sessionTimeout: '6s', heartbeatInterval: '500ms' }
    const route = (wish: Wishes['rk'], from: object, to: object) => ({
      from,
      transform: [{ set: { headers: { mark: String(wish.mark) } } }],
      to,
      order: { by: '${headers.key}' },
      inFlight: wish.inFlight,
      retry: { backoff: { initial: '50ms', max: '500ms' } },
    })
    const queue = (name: string) => ({ connection: 'rabbitmq', queue: `${this.name}.${name}`, type: 'quorum' })
    const topic = (name: string) => ({ connection: 'kafka', topic: `${this.name}.${name}` })
    const key = { key: '${headers.key}' }
    const routes: Record<string, object> = {
      [rk.name]: route(rk, queue('in'), { ...topic(String(rk.target)), ...key }),
      [kr.name]: route(kr, { ...topic('in'), ...group }, queue(String(kr.target))),
    }
    for (const name of more) routes[name] = { from: queue('more'), to: topic('more') }
    return JSON.stringify({
      version: 1,
      admin: false,
      plugins: [],
      shutdown: { drain: '5s' },
      reload: { watch: false },
      connections: {
        rabbitmq: { url: rabbitmqProxy.url, heartbeat: '5s', connectTimeout: '5s' },
        kafka: { url: kafkaProxy.url, requestTimeout: '5s', connectTimeout: '5s' },
      },
      routes,
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end()
    await this.#stack.disposeAsync()
  }
}

// Which target a message is in depends on the moment; within each, a key is in order.
function tally(sent: readonly Outgoing[], targets: readonly (readonly Arrived[])[]) {
  const there = new Set(targets.flat().map(one => one.id))
  return {
    sent: sent.length,
    lost: sent.filter(one => !there.has(one.id)).length,
    disordered: targets.reduce((sum, arrived) => sum + account(sent, arrived).disordered.length, 0),
    copies: targets.reduce((sum, arrived) => sum + arrived.length, 0) - there.size,
  }
}
