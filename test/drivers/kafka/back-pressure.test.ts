import { expect, it } from 'vitest'
import { given } from '../../brokers/given.ts'
import { KafkaLab, numbered, numberOf, Reading } from './kafka-lab.ts'

const lab = () => new KafkaLab(given('kafka').url)
const sleep = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

it('nothing is settled for longer than the session: the member stays, and goes on where it was', async () => {
  await using it = lab()
  const topic = await it.topic(2)
  const sink = await it.sink({ topic })
  await it.publish(
    sink,
    numbered(2_000).map((one, i) => one.with({ key: `k${i}` })),
  )
  const options = { topic, group: topic, sessionTimeout: '6s', heartbeatInterval: '1s' }
  const reading = new Reading(await it.source(options, { inFlight: 10 }))
  await reading.count(10)
  await sleep(9_000)
  expect(reading.deliveries.length).toBe(10)
  expect(reading.deliveries.every(({ expired }) => !expired)).toBe(true)
  for (let done = 0; done < 2_000; ) {
    await reading.until(() => reading.deliveries.length > done)
    reading.deliveries[done++]!.ack()
  }
  expect(new Set(reading.deliveries.map(numberOf)).size).toBe(2_000)
  expect(reading.deliveries.length).toBe(2_000)
})

it('large messages and a target that stands still: what is held stays near the byte limit', async () => {
  await using it = lab()
  const topic = await it.topic(4)
  const sink = await it.sink({ topic })
  for (let i = 0; i < 60; i++)
    await it.publish(
      sink,
      numbered(4, i * 4).map((one, n) => one.with({ key: `k${n}`, bytes: Buffer.alloc(250_000) })),
    )
  const before = process.memoryUsage().arrayBuffers
  const source = await it.source(
    { topic, group: topic, fetch: { maxBytes: '2MiB' } },
    { inFlight: 10_000, inFlightBytes: 4 * 2 ** 20 },
  )
  const reading = new Reading(source)
  await reading.count(10)
  await sleep(3_000)
  // The limit, and the fetch that was under way when it was reached.
  const held = reading.deliveries.reduce((sum, { message }) => sum + message.size, 0)
  expect(held).toBeLessThan(4 * 2 ** 20 + 2 * 2 ** 20 + 4 * 250_000)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(24 * 2 ** 20)
  for (let done = 0; done < 240; ) {
    await reading.until(() => reading.deliveries.length > done)
    reading.deliveries[done++]!.ack()
  }
})

it('lag counts what is not received yet', async () => {
  await using it = lab()
  const topic = await it.topic(2)
  const sink = await it.sink({ topic })
  await it.publish(
    sink,
    numbered(100).map((one, i) => one.with({ key: `k${i}` })),
  )
  const source = await it.source({ topic, group: topic }, { inFlight: 30 })
  const reading = new Reading(source)
  await reading.count(30)
  expect(await source.lag!(it.signal)).toBe(70)
  for (let done = 0; done < 100; ) {
    await reading.until(() => reading.deliveries.length > done)
    reading.deliveries[done++]!.ack()
  }
  expect(await source.lag!(it.signal)).toBe(0)
})
