import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { kafka } from '../../../src/drivers/kafka/driver.ts'
import { given } from '../../brokers/given.ts'
import { kafkaClient } from '../../streams/kafka-end.ts'
import { KafkaLab, message, numbered, numberOf, Reading } from './kafka-lab.ts'

const lab = () => new KafkaLab(given('kafka').url)
const PROBE = 'probe'

/** A broker has a new limit of a topic a moment after it was set: another client tries until it is there. How many went before. */
async function untilRefused(topic: string, size: number): Promise<number> {
  const producer = kafkaClient(given('kafka').url).producer()
  await producer.connect()
  const probe = { key: PROBE, value: Buffer.alloc(size, '0') }
  for (let probes = 0; ; probes++) {
    const stored = await producer.send({ topic, messages: [probe] }).then(
      () => true,
      error => {
        if ((error as { type?: string }).type !== 'MESSAGE_TOO_LARGE') throw error
        return false
      },
    )
    if (stored) continue
    await producer.disconnect()
    return probes
  }
}

it('a body that fills the topic’s limit to the byte goes, one byte more is too large, before anything is sent', async () => {
  await using it = lab()
  const topic = await it.topic(1, { 'max.message.bytes': '50000' })
  const sink = await it.sink({ topic })
  let fits = 0
  let tooLarge = 50_000
  while (tooLarge - fits > 1) {
    const size = Math.floor((fits + tooLarge) / 2)
    const [result] = await sink.publish([message({ bytes: Buffer.alloc(size), subject: topic })], it.signal)
    if (result === null) fits = size
    else {
      expect(result).toMatchObject({ code: 'TOO_LARGE', fate: 'poison', scope: 'message' })
      tooLarge = size
    }
  }
  // The head of a batch (61) and of a record: length 3, attributes 1, deltas 1 + 1, key 1, length of the body 3, headers 1.
  expect(50_000 - fits).toBe(61 + 11)
})

it('headers count: a small body with large headers is too large', async () => {
  await using it = lab()
  const sink = await it.sink({ topic: await it.topic() })
  const large = message({ list: [['h', 'x'.repeat(1_100_000)]] })
  const [result] = await sink.publish([large], it.signal)
  expect(result?.code).toBe('TOO_LARGE')
})

it('maxBytes of the driver fits into a topic with Kafka’s own limit', async () => {
  await using it = lab()
  const topic = await it.topic()
  const sink = await it.sink({ topic })
  const largest = message({ bytes: Buffer.alloc(kafka.features.maxBytes), subject: topic })
  const results = await sink.publish([largest], it.signal)
  expect(results).toEqual([null])
})

it('a limit that was lowered unnoticed: batches are halved until one record is left, and only that one is refused', async () => {
  await using it = lab()
  const topic = await it.topic()
  const sink = await it.sink({ topic })
  await it.publish(sink, numbered(1))
  await it.admin.alterConfigs({
    resources: [{ resourceType: 2, resourceName: topic, configs: [{ name: 'max.message.bytes', value: '5000' }] }],
  })
  const probes = await untilRefused(topic, 6_000)
  const call = numbered(40, 1).map((one, i) => one.with({ key: `k${i}` }))
  call[17] = call[17]!.with({ bytes: Buffer.alloc(6_000, '0') })
  const failures = await it.failures(sink, call)
  expect([...failures].map(([i, { code }]) => [i, code])).toEqual([[17, 'TOO_LARGE']])
  const reading = new Reading(await it.source({ topic, group: topic }))
  const wanted = [0, ...call.flatMap((_, i) => (i === 17 ? [] : [i + 1]))]
  const read = (await reading.count(40 + probes)).filter(({ message: { key } }) => String(key) !== PROBE)
  expect(read.map(numberOf)).toEqual(wanted)
})

it('more than one request holds: everything arrives, in order', async () => {
  await using it = lab()
  const topic = await it.topic()
  const sink = await it.sink({ topic, maxRequestBytes: '20KiB' })
  const call = numbered(300).map((one, i) =>
    one.with({ key: 'k', headers: one.headers.with('pad', 'x'.repeat(i * 3)) }),
  )
  await it.publish(sink, call)
  const reading = new Reading(await it.source({ topic, group: topic }))
  expect((await reading.count(300)).map(numberOf)).toEqual(Array.from({ length: 300 }, (_, i) => i))
})

it('compressed: what fits once it is packed goes, what does not is too large', async () => {
  await using it = lab()
  const topic = await it.topic(1, { 'max.message.bytes': '20000' })
  const sink = await it.sink({ topic, compression: 'zstd' })
  const call = [
    message({ key: 'a', bytes: Buffer.alloc(200_000) }),
    message({ key: 'b', bytes: randomBytes(30_000) }),
    message({ key: 'c' }),
  ]
  const failures = await it.failures(sink, call)
  expect([...failures].map(([i, { code }]) => [i, code])).toEqual([[1, 'TOO_LARGE']])
})
