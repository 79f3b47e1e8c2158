import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { given } from '../brokers/given.ts'
import { fill, RunningGateway } from '../streams/gateway.ts'
import { amqpContent } from './amqp-arbitrary.ts'
import { show } from './amqp-bytes.ts'
import { AmqpClient } from './amqp-client.ts'
import { expectedBack, notSent } from './expectation.ts'
import { watched } from './gateway.ts'
import { kafkaRecord } from './kafka-arbitrary.ts'
import { showRecord } from './kafka-bytes.ts'
import { KafkaClient } from './kafka-client.ts'
import { nastyContents } from './nasty-contents.ts'
import { nastyRecords } from './nasty-records.ts'

const GENERATED = 200

/** From one end through a topic of Pulsar to the other, everything in the order of its source. */
const THROUGH_PULSAR = `
version: 1
admin: false
connections:
  ends: { url: $URL }
  pulsar: { url: $PULSAR }
routes:
  out:
    from: { connection: ends, $FROM }
    to: { connection: pulsar, topic: $TOPIC }
    order: source
  back:
    from: { connection: pulsar, topic: $TOPIC }
    to: { connection: ends, $TO }
    order: source
`

const through = (url: string, name: string, from: object, to: object) =>
  RunningGateway.start(
    fill(THROUGH_PULSAR, { URL: url, PULSAR: given('pulsar').url, TOPIC: `${name}.pulsar`, FROM: from, TO: to }),
  )

test('Kafka → Pulsar → Kafka gives back what was sent', async () => {
  const name = `mapping.${randomUUID().slice(0, 13)}`
  await using source = await KafkaClient.open(given('kafka').url, `${name}.source`)
  await using target = await KafkaClient.open(given('kafka').url, `${name}.target`)
  const seed = Math.floor(Math.random() * 2 ** 31)
  const sent = [...nastyRecords.map(([, record]) => record), ...fc.sample(kafkaRecord(), { numRuns: GENERATED, seed })]
  await source.produce(sent)
  await using gateway = await through(given('kafka').url, name, { topic: source.topic }, { topic: target.topic })
  const arrived = await watched(gateway, target.fetch(sent.length))
  await gateway.stop()
  for (const [i, one] of arrived.entries()) {
    const hide = notSent(sent[i]!.headers.map(([header]) => header))
    expect(showRecord(one, hide), `record ${i}, seed ${seed}`).toEqual(showRecord(sent[i]!, () => false))
  }
})

// RabbitMQ itself changes messages: what comes back is compared with a copy that has been in such a queue and nowhere else.
test('RabbitMQ → Pulsar → RabbitMQ gives back what RabbitMQ alone would', async () => {
  const name = `mapping.${randomUUID().slice(0, 13)}`
  const [queue, copy, target] = [`${name}.source`, `${name}.copy`, `${name}.target`]
  const { url } = given('rabbitmq4')
  await using rabbit = await AmqpClient.open(url)
  await using stack = new AsyncDisposableStack()
  for (const one of [queue, copy, target]) {
    await rabbit.declare(one, 'classic')
    stack.defer(() => rabbit.delete(one))
  }
  for (const [exchange, queues] of [[`${name}.in`, [queue, copy]] as const, [`${name}.out`, [target]] as const]) {
    await rabbit.exchange(exchange, queues)
    stack.defer(() => rabbit.deleteExchange(exchange))
  }
  const seed = Math.floor(Math.random() * 2 ** 31)
  const some = amqpContent({ userId: fc.constant('guest') })
  const sent = [...nastyContents.map(([, content]) => content), ...fc.sample(some, { numRuns: GENERATED, seed })]
  await rabbit.publish(`${name}.in`, sent)
  const copies = await rabbit.consume(copy, sent.length, false)
  await using gateway = await through(url, name, { queue, type: 'classic' }, { exchange: `${name}.out` })
  const arrived = await watched(gateway, rabbit.consume(target, sent.length, false))
  await gateway.stop()
  for (const [i, one] of arrived.entries()) {
    const hide = notSent(sent[i]!.fields.map(field => field.name))
    expect(show(one, hide), `message ${i}, seed ${seed}`).toEqual(expectedBack(copies[i]!, hide))
  }
})
