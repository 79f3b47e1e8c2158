import { randomUUID } from 'node:crypto'
import type { IHeaders } from 'kafkajs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { given } from '../brokers/given.ts'
import { fieldsOf, ownAmqplib } from './amqp-tables.ts'
import { rabbitToKafka } from './direction.ts'
import { fill, RunningGateway } from './gateway.ts'
import { KafkaEnd } from './kafka-end.ts'
import { startRoute } from './plain-route.ts'
import { RabbitEnd } from './rabbit-end.ts'

// There and back: what a broker cannot say by itself travels beside the message and is the same at the end.
const THERE_AND_BACK = `
version: 1
admin: false
connections:
  first: { $FIRST }
  second: { $SECOND }
routes:
  there:
    from: { connection: first, $FROM }
    to: { connection: second, $VIA }
    order: source
  back:
    from: { connection: second, $VIABACK }
    to: { connection: first, $TO }
    order: source
`

test('an empty body is empty in Kafka, and not a tombstone', async () => {
  await using lane = await rabbitToKafka.lane()
  await lane.rabbit.send([{ id: 'empty', key: 'k', body: Buffer.alloc(0), headers: { id: 'empty' } }])
  await using gateway = await startRoute(lane)
  await gateway.settled(1)
  await lane.kafka.read()
  expect((await lane.kafka.drain()).map(one => one.body)).toEqual([Buffer.alloc(0)])
})

const HEADERS: IHeaders = {
  text: 'text',
  empty: '',
  binary: Buffer.from([0, 255, 128, 7]),
  repeated: ['one', 'two', 'one', Buffer.from([255])],
  'key with ~!=;,% signs': 'x',
  contentType: 'no property',
}
const BYTES = Buffer.from([0xff, 0xfe, 0, 1])

const records: Record<string, { key: Buffer | string | null; value: Buffer | string | null; headers?: IHeaders }> = {
  'a tombstone': { key: 'k', value: null },
  'null and null': { key: null, value: null },
  'an empty key and an empty value': { key: '', value: '' },
  'a null key with a value': { key: null, value: 'value' },
  'bytes that are no text': { key: BYTES, value: BYTES },
  'headers of all kinds': { key: 'k', value: 'v', headers: HEADERS },
  'a tombstone with headers': { key: BYTES, value: null, headers: HEADERS },
}

describe.each(['rabbitmq4', 'rabbitmq3'] as const)('kafka → %s → kafka', rabbit => {
  test('nulls, empty values, bytes and repeated headers are the same at the end', async () => {
    const name = `stream.${randomUUID().slice(0, 13)}`
    const begin = await KafkaEnd.open({ url: given('kafka').url, topic: `${name}.a`, partitions: 1 })
    const end = await KafkaEnd.open({ url: given('kafka').url, topic: `${name}.b`, partitions: 1 })
    const via = await RabbitEnd.open({ url: given(rabbit).url, queue: name })
    onTestFinished(async () => void (await Promise.all([begin, end, via].map(one => one[Symbol.asyncDispose]()))))
    const producer = begin.kafka.producer()
    await producer.connect()
    const sent = Object.entries(records).map(([id, record]) => ({ ...record, headers: { id, ...record.headers } }))
    await producer.send({ topic: begin.topic, messages: sent })
    await producer.disconnect()
    const ends = { FIRST: begin.connection, SECOND: via.connection, FROM: begin.from, VIA: via.to, VIABACK: via.from }
    await using gateway = await RunningGateway.start(fill(THERE_AND_BACK, { ...ends, TO: { topic: end.topic } }))
    await begin.read()
    await end.read()
    await begin.drain()
    await gateway.until('all are back', () => end.arrived.length >= sent.length)
    const shown = (one: KafkaEnd) =>
      one.raw.map(({ key, value, headers, timestamp }) => ({
        key: hex(key),
        value: hex(value),
        headers: users(headers),
        timestamp,
      }))
    expect(shown(end)).toEqual(shown(begin))
  })
})

/** Without the two that Sluice itself adds on the way back: the routes passed, and the routing key of the queue between. */
function users(headers: IHeaders = {}): Record<string, unknown> {
  const own = new Set(['sluice-hops', 'sluice-subject'])
  const all = Object.entries(headers).filter(([name]) => !own.has(name))
  return Object.fromEntries(all.map(([name, value]) => [name, [value].flat().map(one => hex(one))]))
}

const hex = (bytes: Buffer | string | null | undefined) => bytes && Buffer.from(bytes).toString('hex')

const TABLE = {
  text: 'Grüße',
  int8: { '!': 'int8', value: -5 },
  int16: { '!': 'int16', value: -500 },
  int32: { '!': 'int32', value: 7 },
  int64: { '!': 'int64', value: 7 },
  largest: { '!': 'int64', value: 2 ** 53 + 2 },
  float: { '!': 'float', value: 1.5 },
  double: { '!': 'double', value: 0.1 },
  timestamp: { '!': 'timestamp', value: 1_795_000_000 },
  decimal: { '!': 'decimal', value: { digits: 12_345, places: 2 } },
  boolean: true,
  void: null,
  bytes: BYTES,
  list: [1, 'two', { '!': 'int64', value: 3 }, null, { deep: [BYTES] }],
  table: { one: { '!': 'int64', value: 1 }, two: { three: { '!': 'timestamp', value: 1 }, empty: {} } },
  empty: '',
}
const PROPERTIES = {
  contentType: 'application/json',
  contentEncoding: 'gzip',
  persistent: true,
  priority: 7,
  correlationId: 'c-1',
  replyTo: 'answers',
  expiration: '3600000',
  messageId: 'm-1',
  timestamp: 1_795_000_001,
  type: 'order.created',
  userId: 'guest',
  appId: 'shop',
}

describe.each([{ rabbit: 'rabbitmq4' }, { rabbit: 'rabbitmq3' }] as const)(
  '$rabbit → kafka → $rabbit',
  ({ rabbit }) => {
    test.each(['quorum', 'classic'])('types of headers and all properties are the same at the end (%s)', async type => {
      const name = `stream.${randomUUID().slice(0, 13)}`
      const url = given(rabbit).url
      const via = await KafkaEnd.open({ url: given('kafka').url, topic: name, partitions: 1 })
      onTestFinished(() => via[Symbol.asyncDispose]())
      const model = await ownAmqplib().connect(url)
      onTestFinished(() => model.close())
      const channel = await model.createConfirmChannel()
      // What one exchange gives to two queues is the same message: one goes round, the other is what it is compared with.
      const [begin, control, end] = ['begin', 'control', 'end'].map(part => `${name}.${part}`) as [
        string,
        string,
        string,
      ]
      for (const queue of [begin, control, end])
        await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': type } })
      onTestFinished(async () => {
        for (const queue of [begin, control, end]) await channel.deleteQueue(queue)
      })
      for (const queue of [begin, control]) await channel.bindQueue(queue, 'amq.topic', `${name}.#`)
      channel.publish('amq.topic', `${name}.all`, Buffer.from('{"n": 1}'), { ...PROPERTIES, headers: TABLE })
      channel.publish('amq.topic', `${name}.none`, BYTES, {})
      channel.publish('amq.topic', `${name}.empty`, Buffer.alloc(0), { headers: {}, persistent: true })
      await channel.waitForConfirms()
      const ends = { FIRST: { url }, SECOND: via.connection, FROM: { queue: begin, type }, VIA: { topic: name } }
      const there = { ...ends, VIABACK: via.from, TO: { queue: end, type } }
      await using gateway = await RunningGateway.start(fill(THERE_AND_BACK, there))
      await gateway.until('there is something', ({ settled }) => settled === 3)
      for (let i = 0; i < 3; i++) {
        const before = await get(control)
        const after = await get(end)
        // A message that says nothing about it is published as persistent: option `persistent` of the sink.
        before.properties.deliveryMode ??= 2
        expect(after).toEqual(before)
        expect(after.fields.length, 'the witness sees the types').toBe(i === 0 ? Object.keys(TABLE).length : 0)
      }

      async function get(queue: string) {
        for (;;) {
          const message = await channel.get(queue, { noAck: true })
          if (message === false) continue
          const { headers, ...properties } = message.properties
          // What Sluice and the queues themselves note there is no part of the message.
          const fields = fieldsOf(headers).filter(([field]) => !/^(sluice|x)-/.test(field))
          return { body: message.content.toString('hex'), properties, fields }
        }
      }
    })
  },
)
