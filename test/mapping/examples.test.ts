import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { given } from '../brokers/given.ts'
import { fill, RunningGateway } from '../streams/gateway.ts'
import { AmqpClient } from './amqp-client.ts'
import { order, refund } from './examples.ts'
import { watched } from './gateway.ts'
import { KafkaClient } from './kafka-client.ts'
import { printContent, printRecord } from './print.ts'

// What docs/mapping.md shows is what RabbitMQ 4.0 and Kafka really hand out.

const page = readFileSync(join(import.meta.dirname, '../../docs/mapping.md'), 'utf8')
const shown = [...page.matchAll(/^```text\n([\s\S]*?)\n```$/gm)].map(([, text]) => anonymous(text!))

const ROUTES = `
version: 1
admin: false
connections:
  shop: { url: $RABBIT }
  log: { url: $KAFKA }
routes:
  orders:
    from: { connection: shop, queue: $ORDERS }
    to: { connection: log, topic: $TOPIC, key: "\${headers.customer}" }
  refunds:
    from: { connection: log, topic: $REFUNDS }
    to: { connection: shop, exchange: $MIDDLE }
  back:
    from: { connection: log, topic: $TOPIC }
    to: { connection: shop, exchange: $EXCHANGE }
  back-again:
    from: { connection: shop, queue: $MIDDLE }
    to: { connection: log, topic: $TARGET }
`

/** The names of this run and the fingerprints of its routes are not those of the page. */
function anonymous(text: string, name = /$^/): string {
  return text
    .replace(/@[0-9a-f]{8}/g, '@')
    .replace(/back-again@/, 'back@')
    .replace(name, 'shop.refunds')
}

test('the messages of the page look on real brokers as it shows them', async () => {
  const name = `mapping.${randomUUID().slice(0, 13)}`
  const names = { ORDERS: `${name}.orders`, MIDDLE: `${name}.middle`, EXCHANGE: `${name}.back` }
  await using rabbit = await AmqpClient.open(given('rabbitmq4').url)
  await using stack = new AsyncDisposableStack()
  const witness = `${name}.witness`
  for (const queue of [witness, ...Object.values(names)]) {
    await rabbit.declare(queue, 'quorum')
    stack.defer(() => rabbit.delete(queue))
    await rabbit.exchange(queue, queue === names.MIDDLE ? [queue, witness] : [queue])
    stack.defer(() => rabbit.deleteExchange(queue))
  }
  const kafka = given('kafka').url
  const open = async (topic: string) => stack.use(await KafkaClient.open(kafka, topic))
  const topic = await open(`${name}.topic`)
  const refunds = await open(`${name}.refunds`)
  const target = await open(`${name}.target`)
  const variables = { ...names, TOPIC: topic.topic, REFUNDS: refunds.topic, TARGET: target.topic }
  await rabbit.publish(names.ORDERS, [order])
  await refunds.produce([refund])
  await using gateway = await RunningGateway.start(
    fill(ROUTES, { RABBIT: given('rabbitmq4').url, KAFKA: kafka, ...variables }),
  )

  const [record] = await watched(gateway, topic.fetch(1))
  expect(shown).toContain(anonymous(printRecord(record!)))
  const [back] = await watched(gateway, rabbit.consume(names.EXCHANGE, 1, false))
  expect(shown).toContain(anonymous(printContent(back!)))
  const [middle] = await watched(gateway, rabbit.consume(witness, 1, false))
  expect(shown).toContain(anonymous(printContent(middle!), new RegExp(refunds.topic)))
  const [again] = await watched(gateway, target.fetch(1))
  expect(shown).toContain(anonymous(printRecord(again!), new RegExp(refunds.topic)))
  await gateway.stop()
})
