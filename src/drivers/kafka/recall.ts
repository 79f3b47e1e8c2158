import { randomUUID } from 'node:crypto'
import { Consumer, MessagesStreamModes } from '@platformatic/kafka'
import type { Address } from './address.ts'
import { platformaticOptions } from './client.ts'
import { kafkaError } from './errors.ts'

type Offsets = readonly string[]

/** Reads back what was published to one topic: how far its partitions reach, and a header of everything behind a point. */
export class Recall {
  readonly #address: Address
  readonly #topic: string

  constructor(address: Address, topic: string) {
    this.#address = address
    this.#topic = topic
  }

  /** The end offset of every partition, as JSON. */
  async position(signal: AbortSignal): Promise<string> {
    return JSON.stringify(await this.#with(signal, consumer => this.#ends(consumer)))
  }

  /** The values of `header` on all records from `since` (a `position`) to the end there is now. */
  async recall(since: string, header: string, signal: AbortSignal): Promise<ReadonlySet<string>> {
    const from = JSON.parse(since) as Offsets
    return this.#with(signal, async consumer => {
      const ends = await this.#ends(consumer)
      const found = new Set<string>()
      // Partitions that were added since hold nothing older.
      const starts = ends.map((_, partition) => BigInt(from[partition] ?? 0))
      const open = new Map(
        ends.flatMap((end, partition) => (BigInt(end) > starts[partition]! ? [[partition, BigInt(end)]] : [])),
      )
      if (open.size === 0) return found
      const stream = await consumer.consume({
        topics: [this.#topic],
        mode: MessagesStreamModes.MANUAL,
        autocommit: false,
        maxWaitTime: 100,
        offsets: starts.map((offset, partition) => ({ topic: this.#topic, partition, offset })),
      })
      const stop = () => void stream.close().catch(() => {})
      signal.addEventListener('abort', stop, { once: true })
      try {
        for await (const { partition, offset, headers } of stream) {
          const end = open.get(partition)
          if (end === undefined || offset >= end) continue
          for (const [name, value] of headers) if (name.toString() === header && value) found.add(value.toString())
          if (offset + 1n < end) continue
          open.delete(partition)
          if (open.size === 0) break
        }
      } finally {
        signal.removeEventListener('abort', stop)
        await stream.close().catch(() => {})
      }
      return found
    })
  }

  async #ends(consumer: Consumer<Buffer, Buffer, Buffer, Buffer>): Promise<Offsets> {
    const offsets = await consumer.listOffsets({ topics: [this.#topic] })
    return (offsets.get(this.#topic) ?? []).map(String)
  }

  async #with<T>(
    signal: AbortSignal,
    work: (consumer: Consumer<Buffer, Buffer, Buffer, Buffer>) => Promise<T>,
  ): Promise<T> {
    const groupId = `sluice-recall-${randomUUID()}`
    const consumer = new Consumer<Buffer, Buffer, Buffer, Buffer>({
      ...platformaticOptions(this.#address),
      groupId,
      retries: 3,
    })
    consumer.on('error', () => {})
    try {
      return await work(consumer)
    } catch (error) {
      signal.throwIfAborted()
      throw kafkaError(error, `reading back ${this.#topic}`)
    } finally {
      await consumer.close(true).catch(() => {})
    }
  }
}
