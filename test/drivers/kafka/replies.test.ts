import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import type { SinkOptions } from '../../../src/drivers/kafka/sink-options.ts'
import { given } from '../../brokers/given.ts'
import { Ear } from '../../replies/ear.ts'
import { until } from '../../streams/ends.ts'
import { kafkaClient } from '../../streams/kafka-end.ts'
import { KafkaLab, message } from './kafka-lab.ts'

const { url } = given('kafka')

const open = async (lab: KafkaLab, address: string, sink: Partial<SinkOptions> = {}, name = 'sluice-lab') => {
  const options = { name, address, sink: { topic: 'asked', ...sink }, timeoutMs: 5_000 }
  return new Ear(await lab.connection.inbox!(options, lab.context({}), lab.signal))
}

const answer = (correlation: string) => message({ list: [['kafka_correlationId', correlation]] })

test('an inbox begins at the end, and its next session where the last one ended', async () => {
  await using lab = new KafkaLab(url)
  const topic = await lab.topic(3)
  const sink = await lab.sink({ topic, partition: '${headers.kafka_correlationId}' })
  await lab.publish(sink, [answer('0')])
  {
    await using first = await open(lab, topic)
    await lab.publish(sink, [answer('1'), answer('2')])
    await first.hears(2)
    expect(first.heard.map(({ correlation }) => correlation).toSorted()).toEqual(['1', '2'])
  }
  await lab.publish(sink, [answer('0'), answer('1')])
  await using second = await open(lab, topic)
  await lab.publish(sink, [answer('2')])
  await second.hears(3)
  expect(second.heard.map(({ correlation }) => correlation).toSorted()).toEqual(['0', '1', '2'])
  // Another inbox is another gateway's: it begins at the end.
  await using other = await open(lab, topic, {}, 'sluice-other')
  await lab.publish(sink, [answer('1')])
  await other.hears(1)
  expect(other.heard).toHaveLength(1)
})

test('a topic that gets more partitions ends the session, and the next one reads them from their beginning', async () => {
  await using lab = new KafkaLab(url)
  const topic = await lab.topic(1)
  await using first = await open(lab, topic)
  const admin = kafkaClient(url).admin()
  await admin.connect()
  await admin.createPartitions({ topicPartitions: [{ topic, count: 2 }] })
  await admin.disconnect()
  const sink = await lab.sink({ topic, partition: '1' })
  await until(
    'the new partition takes records',
    async () => (await sink.publish([answer('a')], lab.signal))[0] === null,
  )
  expect((await first.ended)?.code).toBe('CHANNEL_LOST')
  await using second = await open(lab, topic)
  await second.hears(1)
})

test('a missing topic is created where the sink creates topics, and is missing elsewhere', async () => {
  await using lab = new KafkaLab(url)
  const topic = `lab.${randomUUID()}`
  await expect(open(lab, topic)).rejects.toMatchObject({ code: 'ADDRESS_MISSING' })
  await expect(open(lab, 'no topic!')).rejects.toMatchObject({ code: 'OPTIONS_INVALID' })
  await using made = await open(lab, topic, { create: { partitions: 2, replication: 1 } })
  const sink = await lab.sink({ topic })
  await lab.publish(sink, [answer('a')])
  await made.hears(1)
  expect((await lab.admin.metadata({ topics: [topic] })).topics.get(topic)?.partitions).toHaveLength(2)
})

test('one answer that goes nowhere does not hurt its neighbours', async () => {
  await using lab = new KafkaLab(url)
  const topic = await lab.topic(2)
  await using answerer = await lab.connection.answerer!(lab.context({}), lab.signal)
  const to = (name: string, partition = '0') => ({
    request: message({
      list: [
        ['kafka_replyTopic', name],
        ['kafka_replyPartition', partition],
      ],
    }),
    reply: message(),
    error: undefined,
  })
  const asked = [to(topic), to(`${topic}.none`), to('a b'), to(topic, '9'), to(topic, '1')]
  const results = await answerer.answer(asked, lab.signal)
  expect(results.map(result => result?.code)).toEqual([
    undefined,
    'REQUESTER_GONE',
    'MESSAGE_REFUSED',
    'MESSAGE_REFUSED',
    undefined,
  ])
})
