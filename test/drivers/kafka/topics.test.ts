import { expect, it } from 'vitest'
import { makeTopic } from '../../../src/drivers/kafka/testbed.ts'
import { given } from '../../brokers/given.ts'
import { KafkaLab, message, numbered, numberOf, Reading } from './kafka-lab.ts'

const lab = () => new KafkaLab(given('kafka').url)
const name = () => `lab.created.${process.pid}.${Date.now()}`

it('a topic that is missing: fatal for a sink and a source, and is not created behind our back', async () => {
  await using it = lab()
  const topic = name()
  const sink = await it.sink({ topic }).catch((error: unknown) => error)
  expect(sink).toMatchObject({ code: 'ADDRESS_MISSING', fate: 'fatal', scope: 'endpoint' })
  const source = await it.source({ topic, group: topic }).catch((error: unknown) => error)
  expect(source).toMatchObject({ code: 'ADDRESS_MISSING', fate: 'fatal' })
  expect(await it.admin.listTopics()).not.toContain(topic)
})

it('a topic by expression that is missing: that message is told, and goes once the topic is there', async () => {
  await using it = lab()
  const there = await it.topic()
  const later = name()
  const sink = await it.sink({ topic: '${headers.to}' })
  const call = [message({ list: [['to', there]] }), message({ list: [['to', later]] })]
  const results = await sink.publish(call, it.signal)
  expect(results[0]).toBeNull()
  expect(results[1]).toMatchObject({ code: 'ADDRESS_MISSING' })
  await it.admin.createTopics({ topics: [later], partitions: 1, replicas: 1 })
  await expect.poll(async () => (await sink.publish([call[1]!], it.signal))[0]).toBeNull()
})

it('`create`: makes missing topics with the partitions and settings of the route', async () => {
  await using it = lab()
  const topic = name()
  const sink = await it.sink({
    topic,
    create: { partitions: 5, replication: 1, config: { 'max.message.bytes': 2_000_000 } },
  })
  await it.publish(sink, [message({ bytes: Buffer.alloc(1_900_000) })])
  const metadata = await it.admin.metadata({ topics: [topic], forceUpdate: true })
  expect(metadata.topics.get(topic)?.partitionsCount).toBe(5)
})

it('`create` with a replication the cluster cannot give: says so instead of waiting', async () => {
  await using it = lab()
  const failure = await it
    .sink({ topic: name(), create: { partitions: 1, replication: 9 } })
    .catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'OPTIONS_INVALID', fate: 'fatal' })
})

it('a topic deleted while it is written and read: both say it is missing', async () => {
  await using it = lab()
  const topic = await it.topic()
  const sink = await it.sink({ topic })
  const reading = new Reading(await it.source({ topic, group: topic }), delivery => delivery.ack())
  await it.publish(sink, numbered(1))
  await reading.count(1)
  await it.admin.deleteTopics({ topics: [topic] })
  const wrote = async () => (await sink.publish(numbered(1), it.signal))[0]?.code
  await expect.poll(wrote).toBe('ADDRESS_MISSING')
  await reading.until(() => reading.failure !== undefined).catch(() => {})
  expect(reading.failure).toMatchObject({ code: 'ADDRESS_MISSING' })
})

it('`pattern`: reads what matches; a topic that appears later makes way for a new source that reads it too', async () => {
  await using it = lab()
  const prefix = `lab.pattern.${process.pid}.${Date.now()}`
  const create = (one: string) => makeTopic(it.admin, `${prefix}.${one}`, 1)
  await create('a')
  const sink = await it.sink({ topic: `${prefix}.\${headers.to}` })
  const send = (to: string, n: number) =>
    it.publish(
      sink,
      numbered(1, n).map(one => one.with({ headers: one.headers.with('to', to) })),
    )
  await send('a', 1)
  const options = { pattern: `^${prefix}\\.`, group: prefix, patternRefresh: '1s' }
  const giving = await it.source(options)
  const first = new Reading(giving, delivery => delivery.ack())
  await first.count(1)
  await create('b')
  await send('b', 2)
  await first.until(() => first.failure !== undefined).catch(() => {})
  expect(first.failure).toMatchObject({ code: 'CHANNEL_LOST', fate: 'retry' })
  await giving[Symbol.asyncDispose]()
  const second = new Reading(await it.source(options))
  expect((await second.count(1)).map(numberOf)).toEqual([2])
})

it.each([
  ['a name that no topic can have', { topic: '${headers.to}' }, 'not/a/topic'],
  ['an empty name', { topic: '${headers.to}' }, ''],
  ['a partition beyond the last', { topic: '', partition: '${headers.to}' }, '99'],
  ['a negative partition', { topic: '', partition: '${headers.to}' }, '-1'],
  ['a partition that is no number', { topic: '', partition: '${headers.to}' }, 'first'],
  ['a timestamp that is none', { topic: '', timestamp: '${headers.to}' }, 'yesterday'],
])('%s: poison for that message alone', async (_, options, to) => {
  await using it = lab()
  const topic = await it.topic()
  const sink = await it.sink({ ...options, topic: options.topic || topic })
  const bad = message({ list: [['to', to]] })
  const [result] = await sink.publish([bad], it.signal)
  expect(result).toMatchObject({ code: 'MESSAGE_REFUSED', fate: 'poison', scope: 'message' })
})

it('a record the topic does not take (no key, compacted): only that record is refused, the others are stored', async () => {
  await using it = lab()
  const topic = await it.topic(1, { 'cleanup.policy': 'compact' })
  const sink = await it.sink({ topic })
  const call = [message({ key: 'a' }), message({ key: null }), message({ key: 'b' })]
  const failures = await it.failures(sink, call)
  expect([...failures.keys()]).toEqual([1])
  expect(failures.get(1)).toMatchObject({ code: 'MESSAGE_REFUSED', fate: 'poison', scope: 'message' })
})
