import { expect, it } from 'vitest'
import { pack, unpack } from '../../../src/core/carrier.ts'
import { Typed } from '../../../src/core/header-value.ts'
import type { HeaderEntry } from '../../../src/core/headers.ts'
import { MAX_BATCH_BYTES } from '../../../src/drivers/kafka/codecs.ts'
import type { Compression } from '../../../src/drivers/kafka/record-batch.ts'
import { given } from '../../brokers/given.ts'
import { KafkaLab, message, numbered, numberOf, Reading } from './kafka-lab.ts'

const lab = () => new KafkaLab(given('kafka').url)

it('null and empty stay apart: keys, bodies, header values', async () => {
  await using it = lab()
  const topic = await it.topic()
  await it.publish(await it.sink({ topic }), [
    message({ key: null, bytes: null }),
    message({
      key: '',
      bytes: Buffer.alloc(0),
      list: [
        ['a', ''],
        ['b', null],
      ],
    }),
  ])
  const [first, second] = await new Reading(await it.source({ topic, group: topic })).count(2)
  expect([first!.message.key, first!.message.bytes]).toEqual([null, null])
  expect([second!.message.key, second!.message.bytes]).toEqual([Buffer.alloc(0), Buffer.alloc(0)])
  expect(second!.message.headers.entries).toEqual([
    ['a', ''],
    ['b', null],
  ])
})

it('headers come back in their order, with repeated names, odd names, bytes and types', async () => {
  await using it = lab()
  const topic = await it.topic()
  const list: HeaderEntry[] = [
    ['z', 'last letter first'],
    ['1', 'a number for a name'],
    ['a', 'one'],
    ['__proto__', 'not mine'],
    ['a', Buffer.from([0xff, 0])],
    ['toString', null],
    ['a', 3],
    ['when', new Typed('timestamp', 1_795_000_000n)],
    ['table', { deep: [1n, new Typed('decimal', { places: 2, digits: 150 })] }],
  ]
  const properties = { messageId: 'm-1', contentType: 'text/plain', priority: 9, timestamp: 1_795_000_000n }
  await it.publish(await it.sink({ topic }), [message({ list, properties, subject: 'order.created' })])
  const [delivery] = await new Reading(await it.source({ topic, group: topic })).count(1)
  const { headers, subject, id } = delivery!.message
  expect(headers.entries).toEqual(list)
  expect(delivery!.message.properties).toEqual(properties)
  expect([subject, id]).toEqual(['order.created', 'm-1'])
})

it('another producer’s headers: text as text, bytes as bytes, properties by their names, all back as they came', async () => {
  await using it = lab()
  const [topic, copy] = [await it.topic(), await it.topic()]
  const { Producer } = await import('@platformatic/kafka')
  const producer = new Producer({ clientId: 't', bootstrapBrokers: [new URL(given('kafka').url).host] })
  const wire: [string, Buffer | null][] = [
    ['trace', Buffer.from('abc')],
    ['content-type', Buffer.from('text/plain')],
    ['raw', Buffer.from([1, 0xff])],
  ]
  const headers = new Map(wire.map(([name, value]) => [Buffer.from(name), value]))
  await producer.send({ messages: [{ topic, key: Buffer.from('k'), value: Buffer.from('v'), headers }] } as never)
  await producer.close()
  const [delivery] = await new Reading(await it.source({ topic, group: topic })).count(1)
  expect(delivery!.message.contentType).toBe('text/plain')
  expect(delivery!.message.headers.get('trace')).toBe('abc')
  expect(delivery!.message.headers.get('raw')).toEqual(Buffer.from([1, 0xff]))
  await it.publish(await it.sink({ topic: copy }), [delivery!.message.with({ subject: copy })])
  const [again] = await new Reading(await it.source({ topic: copy, group: copy })).count(1)
  const out = pack(again!.message.headers, again!.message.properties)
  expect(unpack(wire).headers.entries).toEqual(again!.message.headers.entries)
  expect(out.map(([name, value]) => [name, Buffer.from(value ?? '')])).toEqual(wire)
})

it.each<Compression>(['none', 'gzip', 'snappy', 'lz4', 'zstd'])(
  '%s: written and read back, many records and one',
  async compression => {
    await using it = lab()
    const topic = await it.topic()
    const sink = await it.sink({ topic, compression })
    await it.publish(sink, numbered(500))
    await it.publish(sink, numbered(1, 500))
    const reading = new Reading(await it.source({ topic, group: topic }))
    expect((await reading.count(501)).map(numberOf)).toEqual(Array.from({ length: 501 }, (_, i) => i))
  },
)

it('the time, the partition and added headers of the route are the record’s', async () => {
  await using it = lab()
  const topic = await it.topic(3)
  const sink = await it.sink({
    topic,
    partition: '${headers.shard}',
    timestamp: '2026-11-23T00:00:00Z',
    headers: { 'content-type': 'application/json', via: '${headers.shard}' },
  })
  await it.publish(sink, [message({ list: [['shard', '2']] })])
  const [delivery] = await new Reading(await it.source({ topic, group: topic })).count(1)
  expect(delivery!.message.source.sequence).toBe(`${topic}/2`)
  expect(delivery!.message.timestamp).toBe(Date.parse('2026-11-23T00:00:00Z'))
  expect(delivery!.message.contentType).toBe('application/json')
  expect(delivery!.message.headers.get('via')).toBe('2')
})

it('a key chooses the partition that Java producers choose', async () => {
  await using it = lab()
  const topic = await it.topic(7)
  await it.publish(await it.sink({ topic }), [message({ key: 'foobar' }), message({ key: Buffer.from('käse 世界') })])
  const found = await new Reading(await it.source({ topic, group: topic })).count(2)
  const places = found.map(({ message }) => [message.keyText, message.source.sequence.split('/')[1]])
  // (murmur2 & 0x7fffffff) % 7 of -790332482 and -1237611411, the hashes Java computes.
  expect(new Map(places as [string, string][])).toEqual(
    new Map([
      ['foobar', '0'],
      ['käse 世界', '1'],
    ]),
  )
})

it('a batch that unpacks beyond every measure: the source says so, instead of standing still or taking all memory', async () => {
  await using it = lab()
  const topic = await it.topic()
  const sink = await it.sink({ topic, compression: 'zstd' })
  await it.publish(sink, [message({ bytes: Buffer.alloc(MAX_BATCH_BYTES) })])
  const reading = new Reading(await it.source({ topic, group: topic }))
  await reading.until(() => reading.failure !== undefined).catch(() => {})
  expect(reading.failure).toMatchObject({ code: 'RECORDS_UNREADABLE', fate: 'fatal', scope: 'endpoint' })
})
