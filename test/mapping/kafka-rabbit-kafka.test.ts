import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { given } from '../brokers/given.ts'
import { AmqpClient } from './amqp-client.ts'
import { notSent } from './expectation.ts'
import { throughRabbit, watched } from './gateway.ts'
import { kafkaRecord, namesOnce } from './kafka-arbitrary.ts'
import { type KafkaRecord, showRecord } from './kafka-bytes.ts'
import { KafkaClient } from './kafka-client.ts'
import { nastyRecords } from './nasty-records.ts'

const BROKERS = [
  ['rabbitmq4', 'classic'],
  ['rabbitmq4', 'quorum'],
  ['rabbitmq4', 'stream'],
  ['rabbitmq3', 'classic'],
  ['rabbitmq3', 'quorum'],
  ['rabbitmq3', 'stream'],
] as const

const GENERATED = 200

describe.each(BROKERS)('%s, %s queues', (kind, type) => {
  test('Kafka → RabbitMQ → Kafka gives back what was sent', async () => {
    const name = `mapping.${randomUUID().slice(0, 13)}`
    await using rabbit = await AmqpClient.open(given(kind).url)
    await using stack = new AsyncDisposableStack()
    await rabbit.declare(name, type)
    stack.defer(() => rabbit.delete(name))
    await rabbit.exchange(name, [name])
    stack.defer(() => rabbit.deleteExchange(name))
    await using source = await KafkaClient.open(given('kafka').url, `${name}.source`)
    await using target = await KafkaClient.open(given('kafka').url, `${name}.target`)

    const seed = Math.floor(Math.random() * 2 ** 31)
    const sent = [
      ...nastyRecords.map(([, record]) => record),
      ...fc.sample(kafkaRecord(), { numRuns: GENERATED, seed }),
    ].filter(record => type !== 'stream' || fitsStream(record))
    await source.produce(sent)
    const ends = { RABBIT: given(kind).url, KAFKA: given('kafka').url, QUEUE: name, TYPE: type, EXCHANGE: name }
    await using gateway = await throughRabbit({ ...ends, TOPIC: source.topic, TARGET: target.topic })
    const arrived = await watched(gateway, target.fetch(sent.length))
    await gateway.stop()

    for (const [i, one] of arrived.entries()) {
      const hide = notSent(sent[i]!.headers.map(([header]) => header))
      expect(showRecord(one, hide), `record ${i}, seed ${seed}`).toEqual(showRecord(sent[i]!, () => false))
    }
  })
})

// Streams drop arrays, in which repeated headers travel, and the cluster id.
function fitsStream(record: KafkaRecord): boolean {
  return namesOnce(record) && record.headers.every(([header]) => header.toString() !== 'amqp-cluster-id')
}
