import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { given } from '../brokers/given.ts'
import { fill, RunningGateway } from '../streams/gateway.ts'
import { NatsEnd } from '../streams/nats-end.ts'
import { notSent } from './expectation.ts'
import { watched } from './gateway.ts'
import { kafkaRecord } from './kafka-arbitrary.ts'
import { showRecord } from './kafka-bytes.ts'
import { KafkaClient } from './kafka-client.ts'
import { nastyRecords } from './nasty-records.ts'

const ROUTES = `
version: 1
admin: false
connections:
  bus: { url: $NATS }
  log: { url: $KAFKA }
routes:
  out:
    from: { connection: log, topic: $TOPIC }
    to: { connection: bus, stream: $STREAM, subject: $STREAM }
    order: source
  back:
    from: { connection: bus, stream: $STREAM }
    to: { connection: log, topic: $TARGET }
    order: source
`
const GENERATED = 300

test('Kafka → a stream of NATS → Kafka gives back what was sent', async () => {
  const name = `mapping-${randomUUID().slice(0, 13)}`
  await using stream = await NatsEnd.open({ url: given('nats').url, stream: name })
  await using source = await KafkaClient.open(given('kafka').url, `${name}.source`)
  await using target = await KafkaClient.open(given('kafka').url, `${name}.target`)
  const seed = Math.floor(Math.random() * 2 ** 31)
  const sent = [...nastyRecords.map(([, record]) => record), ...fc.sample(kafkaRecord(), { numRuns: GENERATED, seed })]
  await source.produce(sent)
  const ends = { NATS: given('nats').url, KAFKA: given('kafka').url, STREAM: stream.stream }
  await using gateway = await RunningGateway.start(fill(ROUTES, { ...ends, TOPIC: source.topic, TARGET: target.topic }))
  const arrived = await watched(gateway, target.fetch(sent.length))
  await gateway.stop()
  for (const [i, one] of arrived.entries()) {
    const hide = notSent(sent[i]!.headers.map(([header]) => header))
    expect(showRecord(one, hide), `record ${i}, seed ${seed}`).toEqual(showRecord(sent[i]!, () => false))
  }
})
