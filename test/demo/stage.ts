import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type DemoBroker, INSTANCE } from './brokers.ts'
import type { Service } from './compose.ts'
import { GatewayProcess } from './gateway.ts'
import { type KafkaRecord, TopicReader } from './kafka.ts'
import { type DemoOptions, numeral } from './options.ts'
import { OrderBook } from './orders.ts'
import { Watch } from './rabbit.ts'
import type { Progress, Screen } from './screen.ts'
import { Shop } from './shop.ts'
import { Tally } from './tally.ts'

export type Brokers = Readonly<Record<Service, DemoBroker>>

/** As in routes.yaml. */
export const PLACES = {
  exchange: 'shop',
  queue: 'sluice.orders',
  topic: 'shop.orders',
  deadQueue: 'orders.dead',
  largeQueue: 'orders.large',
} as const

/** How long nothing may move at any time before the demo gives up, in ms; a restart of a slow broker fits in. */
const PATIENCE = 90_000

/** Everybody who has a part: the shop, the gateway, Kafka's reader, the books, the screen. */
export class Stage implements AsyncDisposable {
  readonly brokers: Brokers
  readonly screen: Screen
  readonly book: OrderBook
  readonly tally: Tally
  readonly shop: Shop
  readonly gateway: GatewayProcess
  readonly watch: Watch
  /** Aborts on Ctrl-C, and when the gateway ends by itself or nothing moves any more: then with the reason. */
  readonly signal: AbortSignal
  /** What is broken at the moment. */
  breaking: string | undefined
  readonly #failing = new AbortController()
  readonly #speed = new Speed()
  readonly #guard: NodeJS.Timeout
  #reader: TopicReader | undefined

  constructor(options: DemoOptions, brokers: Brokers, screen: Screen, interrupted: AbortSignal) {
    const { rabbitmq, kafka } = brokers
    this.brokers = brokers
    this.screen = screen
    this.book = new OrderBook(options.orders, options.users, Date.now().toString(36))
    this.tally = new Tally(this.book)
    this.watch = new Watch(rabbitmq.url)
    this.signal = AbortSignal.any([interrupted, this.#failing.signal])
    this.gateway = new GatewayProcess({
      env: { SLUICE_RABBITMQ_URL: rabbitmq.url, SLUICE_KAFKA_URL: kafka.url },
      log: join(import.meta.dirname, `../../.sluice/${INSTANCE}/gateway.log`),
    })
    this.shop = new Shop({
      url: rabbitmq.url,
      exchange: PLACES.exchange,
      book: this.book,
      rate: options.rate,
      confirmed: n => this.tally.published(n),
    })
    this.#guard = setInterval(this.#watchdog(), 200)
  }

  /** Starts the gateway for the first time and the reader; resolves when orders may come. */
  async open(): Promise<void> {
    const { screen, gateway, brokers, book } = this
    screen.waiting('Starting the gateway: sluice run -c routes.yaml')
    this.#reader = await TopicReader.open(brokers.kafka.url, PLACES.topic, `sluice-demo-${book.run}`)
    await this.startGateway()
    const note = `ready, pid ${gateway.pid}`
    screen.event('good', `Gateway       ${'sluice run -c routes.yaml'.padEnd(30)} ${screen.paint.dim(note)}`)
    await this.#reader.start(record => this.#take(record))
  }

  /** Resolves when the gateway consumes. */
  async startGateway(): Promise<void> {
    this.gateway.start()
    await this.watch.consumed(PLACES.queue, this.signal)
  }

  /** Stops the gateway gracefully; resolves to its exit code when everything in the topic has been read. */
  async close(): Promise<number> {
    clearInterval(this.#guard)
    const code = await this.gateway.stop()
    await this.#reader?.catchUp(this.signal)
    return code
  }

  progress(): Progress {
    return {
      published: this.shop.confirmed,
      wanted: this.book.count,
      delivered: this.tally.delivered,
      rate: this.#speed.of(this.tally.delivered),
      lag: this.tally.lag,
      breaking: this.breaking,
    }
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await sleep(20, undefined, { signal: this.signal })
  }

  stuck(ms: number): string {
    return `Nothing has moved for ${numeral(ms / 1000)} s. The end of the gateway's log:\n\n${this.gateway.lastLines()}`
  }

  #watchdog(): () => void {
    const stillness = new Stillness()
    return () => {
      const still = stillness.of([this.shop.confirmed, this.shop.again, this.tally.delivered, this.gateway.pid])
      const trouble = this.gateway.trouble ?? (still > PATIENCE ? this.stuck(PATIENCE) : undefined)
      if (trouble !== undefined) this.#failing.abort(new Error(trouble))
    }
  }

  #take({ partition, key, value, header }: KafkaRecord): void {
    const { book, tally } = this
    const n = Number(/^o-(\d+)$/.exec(header('order') ?? '')?.[1])
    if (header('run') !== book.run || !(n < book.count)) return
    const copy = Number(header('copy'))
    tally.arrived({ n, partition, key: key?.toString() ?? '', copy, body: value?.toString() ?? '' })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#guard)
    await this.gateway[Symbol.asyncDispose]()
    await this.#reader?.[Symbol.asyncDispose]()
    await this.watch[Symbol.asyncDispose]()
  }
}

/** For how long some numbers have been the same, in ms. */
export class Stillness {
  #last = ''
  #since = performance.now()

  of(numbers: readonly (number | undefined)[]): number {
    const now = numbers.join(' ')
    if (now !== this.#last) this.#since = performance.now()
    this.#last = now
    return performance.now() - this.#since
  }
}

/** Per second, over the last second or so. */
class Speed {
  readonly #samples: { readonly at: number; readonly count: number }[] = []

  of(count: number): number {
    const now = performance.now()
    this.#samples.push({ at: now, count })
    while (this.#samples.length > 2 && now - this.#samples[1]!.at > 1_000) this.#samples.shift()
    const first = this.#samples[0]!
    return now - first.at < 50 ? 0 : ((count - first.count) * 1000) / (now - first.at)
  }
}
