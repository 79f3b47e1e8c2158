import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { given } from '../brokers/given.ts'
import { folder, Sluice } from '../cli/sluice.ts'
import { KafkaLab, message, Reading } from '../drivers/kafka/kafka-lab.ts'
import { NatsLab } from '../drivers/nats/nats-lab.ts'
import { Workbench } from '../drivers/rabbitmq/workbench.ts'
import { OtlpReceiver } from './otlp-receiver.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PARENT = 'b7ad6b7169203331'

test('one trace leads through Kafka, RabbitMQ, JetStream, Pulsar and back to Kafka, hop by hop', async () => {
  await using lab = new KafkaLab(given('kafka').url)
  await using bench = await Workbench.open('rabbitmq4')
  await using bus = await NatsLab.open(given('nats').url)
  const receiver = await OtlpReceiver.open()
  const [first, last, queue, stream] = [await lab.topic(), await lab.topic(), await bench.queue(), await bus.stream()]
  const topic = `sluice.test.${randomUUID()}`
  const routes = `version: 1
admin: false
connections:
  kafka: { url: "${given('kafka').url}" }
  rabbit: { url: "${bench.info.url}" }
  bus: { url: "${given('nats').url}" }
  pulsar: { url: "${given('pulsar').url}" }
routes:
  a: { from: { connection: kafka, topic: ${first}, group: ${randomUUID()} }, to: { connection: rabbit, queue: ${queue} } }
  b: { from: { connection: rabbit, queue: ${queue} }, to: { connection: bus, stream: ${stream}, subject: ${stream} } }
  c: { from: { connection: bus, stream: ${stream} }, to: { connection: pulsar, topic: ${topic} } }
  d: { from: { connection: pulsar, topic: ${topic} }, to: { connection: kafka, topic: ${last} } }
`
  const gateway = new Sluice(['run', '--log', 'text'], folder({ 'routes.yaml': routes }), {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_SERVICE_NAME: 'shop-gateway',
  })
  await gateway.saw(/started/)
  const sink = await lab.sink({ topic: first })
  await lab.publish(sink, [
    message({
      list: [
        ['traceparent', `00-${TRACE}-${PARENT}-01`],
        ['tracestate', 'vendor=1'],
      ],
    }),
  ])
  const reading = new Reading(await lab.source({ topic: last, group: randomUUID() }))
  const [arrived] = await reading.count(1)
  gateway.process.kill('SIGTERM')
  expect((await gateway.result).code).toBe(0)

  const { headers } = arrived!.message
  expect(headers.text('tracestate')).toBe('vendor=1')
  // From what came out back to what went in: send, process, send, process, … the first hop's parent is the producer's.
  let span = headers.text('traceparent')?.split('-')[2]
  const path: unknown[] = []
  while (span !== undefined && span !== PARENT) {
    const found = receiver.spans.find(({ spanId }) => spanId === span)
    path.push(found && `${found.attributes['messaging.operation.name']} ${found.attributes['messaging.system']}`)
    span = found?.parentSpanId
  }
  expect(path).toEqual([
    ...['send kafka', 'process pulsar', 'send pulsar', 'process nats', 'send nats', 'process rabbitmq'],
    ...['send rabbitmq', 'process kafka'],
  ])
  expect(span).toBe(PARENT)
  expect(receiver.spans.every(({ traceId, service }) => traceId === TRACE && service === 'shop-gateway')).toBe(true)
})
