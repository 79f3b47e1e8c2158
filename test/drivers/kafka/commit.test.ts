import { expect, it } from 'vitest'
import type { Delivery } from '../../../src/core/ports.ts'
import { given } from '../../brokers/given.ts'
import { KafkaLab, numbered, numberOf, Reading } from './kafka-lab.ts'

const lab = () => new KafkaLab(given('kafka').url)
const FAST = { interval: '20ms' }

async function eventually(look: () => Promise<unknown>, wanted: unknown): Promise<void> {
  await expect.poll(look, { interval: 20 }).toEqual(wanted)
}

it('acks behind a gap: the gap is the committed offset, never the highest ack', async () => {
  await using it = lab()
  const topic = await it.topic()
  await it.publish(await it.sink({ topic }), numbered(10))
  const reading = new Reading(await it.source({ topic, group: topic, commit: FAST }))
  const deliveries = await reading.count(10)
  for (const i of [9, 7, 8, 1, 0, 4]) deliveries[i]!.ack()
  await eventually(() => it.committed(topic, topic), [2])
  deliveries[2]!.ack()
  deliveries[3]!.ack()
  await eventually(() => it.committed(topic, topic), [5])
  for (const delivery of deliveries) delivery.ack()
  await eventually(() => it.committed(topic, topic), [10])
})

it('closed with a gap: everything from the oldest unsettled comes again, nothing before it', async () => {
  await using it = lab()
  const topic = await it.topic()
  await it.publish(await it.sink({ topic }), numbered(6))
  const source = await it.source({ topic, group: topic })
  const first = await new Reading(source).count(6)
  for (const i of [0, 1, 3, 5]) first[i]!.ack()
  await source[Symbol.asyncDispose]()
  expect(first.every(({ expired }) => expired)).toBe(true)
  const again = await new Reading(await it.source({ topic, group: topic })).count(4)
  expect(again.map(numberOf)).toEqual([2, 3, 4, 5])
})

it('many settled at once: committed by count before the interval is over', async () => {
  await using it = lab()
  const topic = await it.topic()
  await it.publish(await it.sink({ topic }), numbered(50))
  const options = { topic, group: topic, commit: { interval: '1h', count: 50 } }
  const reading = new Reading(await it.source(options), delivery => delivery.ack())
  await reading.count(50)
  await eventually(() => it.committed(topic, topic), [50])
})

it('`from: latest` without a commit: a restart before the first ack loses nothing that came between', async () => {
  await using it = lab()
  const topic = await it.topic()
  const sink = await it.sink({ topic })
  await it.publish(sink, numbered(3))
  const source = await it.source({ topic, group: topic, from: 'latest' })
  await it.publish(sink, numbered(2, 3))
  await new Reading(source).count(2)
  await source[Symbol.asyncDispose]()
  await it.publish(sink, numbered(1, 5))
  const again = await new Reading(await it.source({ topic, group: topic, from: 'latest' })).count(3)
  expect(again.map(numberOf)).toEqual([3, 4, 5])
})

it('`from: { timestamp }`: begins at that time, and at the end when nothing is that young', async () => {
  await using it = lab()
  const topic = await it.topic()
  const sink = await it.sink({ topic })
  const now = Date.now()
  for (let i = 0; i < 4; i++) await it.publish(sink, numbered(1, i, { timestamp: now - 4_000 + i * 1_000 }))
  const from = { timestamp: new Date(now - 2_500).toISOString() }
  const middle = await new Reading(await it.source({ topic, group: `${topic}.a`, from })).count(2)
  expect(middle.map(numberOf)).toEqual([2, 3])
  const future = { timestamp: now + 60_000 }
  const end = new Reading(await it.source({ topic, group: `${topic}.b`, from: future }))
  await it.publish(sink, numbered(1, 4))
  expect((await end.count(1)).map(numberOf)).toEqual([4])
})

it('`from: committed` without a commit: refuses instead of choosing', async () => {
  await using it = lab()
  const topic = await it.topic()
  const failure = await it.source({ topic, group: topic, from: 'committed' }).catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'OPTIONS_INVALID', fate: 'fatal' })
})

it('released: comes again after its delay, while others go on; acked once it is settled', async () => {
  await using it = lab()
  const topic = await it.topic()
  await it.publish(await it.sink({ topic }), numbered(5))
  const again: { readonly delivery: Delivery; readonly after: number }[] = []
  let released = 0
  const reading = new Reading(await it.source({ topic, group: topic, commit: FAST }), delivery => {
    if (numberOf(delivery) === 1 && delivery.message.source.attempt === 1) {
      released = performance.now()
      delivery.release(300)
      delivery.ack()
    } else if (numberOf(delivery) === 1) again.push({ delivery, after: performance.now() - released })
    else delivery.ack()
  })
  await reading.until(() => again.length === 1)
  expect(again[0]!.after).toBeGreaterThanOrEqual(295)
  await eventually(() => it.committed(topic, topic), [1])
  again[0]!.delivery.ack()
  await eventually(() => it.committed(topic, topic), [5])
})

it('aborted and open transactions: their records do not come, and do not hold the commit back', async () => {
  await using it = lab()
  const topic = await it.topic()
  const sink = await it.sink({ topic })
  await it.publish(sink, numbered(2))
  const { Producer } = await import('@platformatic/kafka')
  const producer = new Producer({
    clientId: 't',
    bootstrapBrokers: [new URL(given('kafka').url).host],
    idempotent: true,
    transactionalId: topic,
  })
  const transaction = await producer.beginTransaction()
  await transaction.send({ messages: [{ topic, value: Buffer.from('99'), partition: 0 }] } as never)
  await transaction.abort()
  await producer.close()
  await it.publish(sink, numbered(2, 2))
  const reading = new Reading(await it.source({ topic, group: topic, commit: FAST }), delivery => delivery.ack())
  await reading.count(4)
  expect(reading.deliveries.map(numberOf)).toEqual([0, 1, 2, 3])
  // Two, the aborted one, its marker, two.
  await eventually(() => it.committed(topic, topic), [6])
})
