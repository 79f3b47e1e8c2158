import { randomUUID } from 'node:crypto'
import { describe, test } from 'vitest'
import { given } from '../brokers/given.ts'
import { tls } from '../brokers/tls.ts'
import { TlsFront } from '../brokers/tls-front.ts'
import type { SourceEnd, TargetEnd } from '../streams/ends.ts'
import { NatsEnd } from '../streams/nats-end.ts'
import { PulsarEnd } from '../streams/pulsar-end.ts'
import { RabbitEnd } from '../streams/rabbit-end.ts'
import { expectMended } from './mended.ts'

type End = SourceEnd & TargetEnd & { read(): Promise<void> }

// Not Kafka: its clients go on to the address that the broker gives them, past what stands in front of it.
const CASES: readonly (readonly [
  'rabbitmq4' | 'nats' | 'pulsar',
  (name: string) => Promise<End>,
  (at: string) => string,
])[] = [
  [
    'rabbitmq4',
    name => RabbitEnd.open({ url: given('rabbitmq4').url, queue: name }),
    at => `amqps://guest:guest@${at}`,
  ],
  ['nats', name => NatsEnd.open({ url: given('nats').url, stream: name }), at => `tls://${at}`],
  ['pulsar', name => PulsarEnd.open({ url: given('pulsar').url, topic: name }), at => `wss://${at}`],
]

describe.each(CASES)('%s', (kind, open, url) => {
  test.each([
    ['from', 'expired', tls.expired],
    ['to', 'expired', tls.expired],
    ['from', 'of a stranger', tls.stranger],
    ['to', 'of a stranger', tls.stranger],
  ] as const)('as %s, its certificate %s: until it is renewed', async (end, _what, identity) => {
    const name = `renewed-${randomUUID().slice(0, 8)}`
    await using stack = new AsyncDisposableStack()
    const made = {
      source: stack.use(await open(`${name}-source`)),
      target: stack.use(await open(`${name}-target`)),
      dead: stack.use(await open(`${name}-dead`)),
    }
    await made.target.read()
    const front = stack.use(await TlsFront.open(given(kind).url, identity))
    await expectMended(made, {
      end,
      connection: { url: url(front.address), tls: { ca: tls.ca } },
      code: 'TLS_FAILED',
      says: /certificate/i,
      mend: async () => front.renew(tls.server),
    })
  })
})
