import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import { given } from '../../brokers/given.ts'
import { findings } from '../findings.ts'
import { KafkaLab } from './kafka-lab.ts'

const { url } = given('kafka')

it('looks at the topic of a sink: replicas, those in sync, sizes', async () => {
  await using lab = new KafkaLab(url)
  const plain = await lab.topic(3)
  expect(await findings(lab, 'sink', { topic: plain })).toEqual([
    `ok topic ${plain}: it is there, with 3 partitions`,
    expect.stringMatching(/^warn topic .*one replica/),
    expect.stringMatching(/^unseen topic .*first message/),
  ])
  const starved = await lab.topic(1, { 'min.insync.replicas': '2' })
  expect(await findings(lab, 'sink', { topic: starved })).toContainEqual(
    expect.stringMatching(/^fail topic .*1 replicas in sync, and min.insync.replicas is 2/),
  )
  const small = await lab.topic(1, { 'max.message.bytes': '10000' })
  expect(await findings(lab, 'sink', { topic: small, maxMessageBytes: '20KiB' })).toContainEqual(
    expect.stringMatching(/^warn topic .*up to 20480 bytes .* takes 10000/),
  )
  const old = await lab.topic(1, { 'retention.ms': '3600000' })
  expect(await findings(lab, 'sink', { topic: old })).toContainEqual(
    expect.stringMatching(/^warn topic .* for 1 h, counted from the time of the message/),
  )
  const { maxBytes } = await lab.connection.examine!('sink', { topic: small }, lab.context({}), lab.signal)
  expect(maxBytes).toBe(10_000)
})

it('tells what is missing from what Sluice will create, and creates nothing', async () => {
  await using lab = new KafkaLab(url)
  const topic = `lab.${randomUUID()}`
  const create = (replication: number) => ({ create: { partitions: 2, replication } })
  expect(await findings(lab, 'sink', { topic })).toEqual([expect.stringMatching(/^fail topic .*ADDRESS_MISSING/)])
  expect(await findings(lab, 'sink', { topic, ...create(3) })).toEqual([
    expect.stringMatching(/^ok topic .*Sluice creates it/),
  ])
  expect(await findings(lab, 'sink', { topic, ...create(1) })).toEqual([
    expect.stringMatching(/^warn topic .*one replica/),
  ])
  expect(await findings(lab, 'sink', { topic: '${subject}' })).toEqual([
    expect.stringMatching(/^unseen topic .*depends/),
  ])
  expect(await findings(lab, 'source', { topic, group: 'g' })).toContainEqual(
    expect.stringMatching(/^fail topic .*ADDRESS_MISSING/),
  )
  expect(await lab.admin.listTopics()).not.toContain(topic)
})

it('looks at the topics and the group of a source, and leaves no group behind', async () => {
  await using lab = new KafkaLab(url)
  const topic = await lab.topic(2)
  const group = `lab.${randomUUID()}`
  expect(await findings(lab, 'source', { topic, group })).toEqual([
    `ok topic ${topic}: it is there, with 2 partitions`,
    `ok group ${group}: this user may join it`,
  ])
  const pattern = `^${topic.replaceAll('.', '\\.')}$`
  expect(await findings(lab, 'source', { pattern, group })).toContainEqual(
    `ok topic ${topic}: it is there, with 2 partitions`,
  )
  expect(await findings(lab, 'source', { pattern: '^none-of-them$', group })).toContainEqual(
    expect.stringMatching(/^fail topics .*no topic matches/),
  )
  expect([...(await lab.admin.listGroups()).keys()]).not.toContain(group)
})

it('throws what keeps it from looking', async () => {
  await using lab = new KafkaLab('kafka://127.0.0.1:1', { connectTimeout: '2s' })
  await expect(findings(lab, 'sink', { topic: 'x' })).rejects.toMatchObject({ code: 'CONNECT_FAILED' })
})
