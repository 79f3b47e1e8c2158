import amqp, { type Channel, type ChannelModel } from 'amqplib'
import type { Admin } from 'kafkajs'
import { until } from '../streams/ends.ts'
import { kafkaClient } from '../streams/kafka-end.ts'

/** How full the target is, seen from beside; a broker that is away has no number. Reads and settles nothing. */
export class Gauge {
  readonly #end: { readonly url: string }
  readonly #name: string
  /** How often it had to begin anew. */
  #turn = 0
  #kafka: Admin | undefined
  #rabbit: { readonly model: ChannelModel; readonly channel: Channel } | undefined

  /** @param end `url` may change when the nodes that are there do. */
  constructor(end: { readonly url: string }, name: string) {
    this.#end = end
    this.#name = name
  }

  async count(): Promise<number | undefined> {
    try {
      return await within(2_000, this.#end.url.startsWith('kafka') ? this.#countRecords() : this.#countMessages())
    } catch {
      void this.close()
      return undefined
    }
  }

  /** Resolves with the count when it is at least so much. */
  async reaches(count: number, ms = 300_000): Promise<number> {
    let seen: number | undefined
    const what = () => `the target has ${count} messages; it has ${seen}`
    await until(what, async () => ((seen = await this.count()) ?? 0) >= count, ms)
    return seen!
  }

  async #countRecords(): Promise<number> {
    if (this.#kafka === undefined) {
      // The one that was asked first may be frozen: it takes connections, and answers nothing.
      const [scheme, list] = this.#end.url.split('://') as [string, string]
      const brokers = list.split(',')
      const others = brokers.splice(0, this.#turn++ % brokers.length)
      const url = `${scheme}://${[...brokers, ...others]}`
      this.#kafka = kafkaClient(url, { retries: 2, initialRetryTime: 50 }).admin()
      await this.#kafka.connect()
    }
    const offsets = await this.#kafka.fetchTopicOffsets(this.#name)
    return offsets.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0)
  }

  async #countMessages(): Promise<number> {
    if (this.#rabbit === undefined) {
      const model = await amqp.connect(this.#end.url)
      model.on('error', () => {})
      const channel = await model.createChannel()
      channel.on('error', () => {})
      this.#rabbit = { model, channel }
    }
    return (await this.#rabbit.channel.checkQueue(this.#name)).messageCount
  }

  async close(): Promise<void> {
    const open = [this.#kafka?.disconnect(), this.#rabbit?.model.close()]
    this.#kafka = this.#rabbit = undefined
    await within(2_000, Promise.allSettled(open)).catch(() => {})
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  work.catch(() => {})
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error('no answer in time')), ms)
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}
