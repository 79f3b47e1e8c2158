import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { given } from '../brokers/given.ts'
import { amqpContent } from './amqp-arbitrary.ts'
import { type Content, show } from './amqp-bytes.ts'
import { AmqpClient } from './amqp-client.ts'
import { expectedBack, notSent } from './expectation.ts'
import { throughKafka, watched } from './gateway.ts'
import { KafkaClient } from './kafka-client.ts'
import { nastyContents } from './nasty-contents.ts'

// RabbitMQ itself changes messages (broker-changes.test.ts), on the way in and on the way back alike. So what comes back is
// compared with a copy that has been in a queue of the same type and nowhere else.
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
  test('RabbitMQ → Kafka → RabbitMQ gives back what RabbitMQ alone would', async () => {
    const name = `mapping.${randomUUID().slice(0, 13)}`
    const [queue, copy, target] = [`${name}.source`, `${name}.copy`, `${name}.target`]
    await using rabbit = await AmqpClient.open(given(kind).url)
    await using stack = new AsyncDisposableStack()
    for (const one of [queue, copy, target]) {
      await rabbit.declare(one, type)
      stack.defer(() => rabbit.delete(one))
    }
    for (const [exchange, queues] of [[`${name}.in`, [queue, copy]] as const, [`${name}.out`, [target]] as const]) {
      await rabbit.exchange(exchange, queues)
      stack.defer(() => rabbit.deleteExchange(exchange))
    }
    await using kafka = await KafkaClient.open(given('kafka').url, name)

    const seed = Math.floor(Math.random() * 2 ** 31)
    const sent = [...nasty(type), ...generated(type, seed)]
    await rabbit.publish(`${name}.in`, sent)
    const copies = await rabbit.consume(copy, sent.length, type === 'stream')
    const ends = { RABBIT: given(kind).url, KAFKA: given('kafka').url, QUEUE: queue, TYPE: type, TOPIC: kafka.topic }
    await using gateway = await throughKafka({ ...ends, EXCHANGE: `${name}.out` })
    const arrived = await watched(gateway, rabbit.consume(target, sent.length, type === 'stream'))
    await gateway.stop()

    for (const [i, one] of arrived.entries()) {
      const own = notSent(sent[i]!.fields.map(field => field.name))
      const hide = (header: string) => own(header) || (type === 'stream' && header === 'x-stream-offset')
      expect(show(one, hide), `message ${i}, seed ${seed}`).toEqual(expectedBack(copies[i]!, hide))
    }
  })
})

// A stream of RabbitMQ fails on decimals and ends the connection.
const fits = (type: string, { fields }: Content) => type !== 'stream' || fields.every(({ tag }) => tag !== 'D')

function nasty(type: string): Content[] {
  return nastyContents
    .map(([, content]) => content)
    .map(content => (fits(type, content) ? content : { ...content, fields: content.fields.filter(f => f.tag !== 'D') }))
}

// The user id has to be that of the connection, or the broker refuses the message.
function generated(type: string, seed: number): Content[] {
  const some = amqpContent({ userId: fc.constant('guest') }).filter(content => fits(type, content))
  return fc.sample(some, { numRuns: GENERATED, seed })
}
