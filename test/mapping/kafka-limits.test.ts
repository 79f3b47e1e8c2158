import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { given } from '../brokers/given.ts'
import { fill, RunningGateway } from '../streams/gateway.ts'
import { type Content, showField } from './amqp-bytes.ts'
import { AmqpClient } from './amqp-client.ts'
import { watched } from './gateway.ts'
import { type KafkaRecord, showRecord } from './kafka-bytes.ts'
import { KafkaClient } from './kafka-client.ts'

const HOUR = 3_600

const ROUTE = `
version: 1
admin: false
connections:
  shop: { url: $RABBIT }
  log: { url: $KAFKA }
routes:
  orders:
    from: { connection: shop, queue: $QUEUE }
    to: { connection: log, topic: $TOPIC }
    deadLetter: { connection: shop, queue: $DEAD }
    retry: { attempts: 2, backoff: { initial: 10ms } }
`

function orderAt(seconds: number): Content {
  const timestamp = Buffer.alloc(8)
  timestamp.writeBigUInt64BE(BigInt(Math.floor(seconds)))
  const properties = new Map([['timestamp', timestamp]])
  return { routingKey: Buffer.from('k'), properties, fields: [], body: Buffer.from(String(seconds)) }
}

test('Kafka refuses a time of more than an hour ahead: that message alone is a dead letter', async () => {
  const name = `mapping.${randomUUID().slice(0, 13)}`
  await using rabbit = await AmqpClient.open(given('rabbitmq4').url)
  await using stack = new AsyncDisposableStack()
  for (const queue of [name, `${name}.dead`]) {
    await rabbit.declare(queue, 'quorum')
    stack.defer(() => rabbit.delete(queue))
  }
  await rabbit.exchange(name, [name])
  stack.defer(() => rabbit.deleteExchange(name))
  await using kafka = await KafkaClient.open(given('kafka').url, name, [])
  const now = Date.now() / 1000
  const sent = [orderAt(now), orderAt(now + 2 * HOUR), orderAt(1), orderAt(now + HOUR / 2)]
  await rabbit.publish(name, sent)
  const urls = { RABBIT: given('rabbitmq4').url, KAFKA: given('kafka').url }
  await using gateway = await RunningGateway.start(
    fill(ROUTE, { ...urls, QUEUE: name, TOPIC: name, DEAD: `${name}.dead` }),
  )
  const arrived = await watched(gateway, kafka.fetch(3))
  const [dead] = await watched(gateway, rabbit.consume(`${name}.dead`, 1, false))
  expect(arrived.map(({ value }) => String(value))).toEqual([sent[0], sent[2], sent[3]].map(one => String(one!.body)))
  expect(dead!.body).toEqual(sent[1]!.body)
  expect(dead!.fields.map(showField)).toContain('sluice-dead-reason S "MESSAGE_REFUSED"')
  await gateway.stop()
})

test('Kafka itself keeps names of headers that are no text', async () => {
  await using kafka = await KafkaClient.open(given('kafka').url, `mapping.${randomUUID().slice(0, 13)}`)
  const odd: KafkaRecord = {
    key: null,
    value: null,
    headers: [[Buffer.from([0xff, 0x41]), Buffer.from('x')]],
    timestamp: 1n,
  }
  await kafka.produce([odd])
  const [back] = await kafka.fetch(1)
  expect(showRecord(back!, () => false)).toEqual(showRecord(odd, () => false))
})
