import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { type Broker, startBroker } from '../brokers/broker.ts'
import { given } from '../brokers/given.ts'
import type { BrokerInfo } from '../brokers/kinds.ts'
import { tls } from '../brokers/tls.ts'
import { TlsFront } from '../brokers/tls-front.ts'
import type { SourceEnd, TargetEnd } from '../streams/ends.ts'
import { KafkaEnd } from '../streams/kafka-end.ts'
import { NatsEnd } from '../streams/nats-end.ts'
import { PulsarEnd } from '../streams/pulsar-end.ts'
import { RabbitEnd } from '../streams/rabbit-end.ts'
import { expectMended } from './mended.ts'

type End = SourceEnd & TargetEnd & { read(): Promise<void> }

// Kafka's front stands where the broker tells its clients to go: one of its own.
let kafka: Broker
beforeAll(async () => {
  kafka = await startBroker('kafka', { instance: `renewed-${process.pid}` })
})
afterAll(() => kafka?.[Symbol.asyncDispose]())

const CASES: readonly {
  readonly name: string
  readonly broker: () => BrokerInfo
  readonly open: (url: string, name: string) => Promise<End>
  readonly url: (at: string) => string
}[] = [
  {
    name: 'RabbitMQ',
    broker: () => given('rabbitmq4'),
    open: (url, queue) => RabbitEnd.open({ url, queue }),
    url: at => `amqps://guest:guest@${at}`,
  },
  {
    name: 'Kafka',
    broker: () => kafka,
    open: (url, topic) => KafkaEnd.open({ url, topic, partitions: 2 }),
    url: at => `kafkas://${at}`,
  },
  {
    name: 'JetStream',
    broker: () => given('nats'),
    open: (url, stream) => NatsEnd.open({ url, stream }),
    url: at => `tls://${at}`,
  },
  {
    name: 'Pulsar',
    broker: () => given('pulsar'),
    open: (url, topic) => PulsarEnd.open({ url, topic }),
    url: at => `wss://${at}`,
  },
]

describe.each(CASES)('$name', ({ broker, open, url }) => {
  test.each([
    ['from', 'expired', tls.expired],
    ['to', 'expired', tls.expired],
    ['from', 'of a stranger', tls.stranger],
    ['to', 'of a stranger', tls.stranger],
  ] as const)('as %s, its certificate %s: until it is renewed', async (end, _what, identity) => {
    const name = `renewed-${randomUUID().slice(0, 8)}`
    await using stack = new AsyncDisposableStack()
    const made = {
      source: stack.use(await open(broker().url, `${name}-source`)),
      target: stack.use(await open(broker().url, `${name}-target`)),
      dead: stack.use(await open(broker().url, `${name}-dead`)),
    }
    await made.target.read()
    const front = stack.use(await TlsFront.open(broker(), identity))
    await expectMended(made, {
      end,
      connection: { url: url(front.address), tls: { ca: tls.ca } },
      code: 'TLS_FAILED',
      says: /certificate/i,
      mend: async () => front.renew(tls.server),
    })
  })
})
