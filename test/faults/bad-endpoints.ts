import type { BrokerInfo } from '../brokers/kinds.ts'

/** An end of a route that cannot work, and what the user is told. */
export interface BadEndpoint {
  readonly route: string
  readonly end: 'from' | 'to'
  readonly connection: Readonly<Record<string, unknown>>
  readonly options: Readonly<Record<string, unknown>>
  readonly code: string
  /** What the sentence has to name. */
  readonly says: RegExp
  /** What the hint has to name. */
  readonly hint?: RegExp
}

/** Passwords that must not show up anywhere. */
export const SECRETS = ['wrong-secret-of-rabbitmq', 'wrong-secret-of-kafka', 'wrong-secret-of-nats']

interface Broken extends Pick<BadEndpoint, 'connection' | 'code' | 'says' | 'hint'> {
  readonly name: string
}

/** Connections of either broker that do not come about. */
function connections(rabbit: BrokerInfo, kafka: BrokerInfo): readonly [readonly Broken[], readonly Broken[]] {
  const amqp = (host: string, login = 'guest:guest', path = '') => ({ url: `amqp://${login}@${host}${path}` })
  const { plain, tls } = rabbit.listeners as Record<'plain' | 'tls', string>
  const ports = kafka.listeners as Record<'plain' | 'tls' | 'saslPlain', string>
  const [secret, kafkaSecret] = SECRETS as [string, string]
  const unencrypted = /does not speak TLS|wrong version|TLS/i
  return [
    [
      { name: 'host', connection: amqp('127.0.0.1:1'), code: 'CONNECT_FAILED', says: /127\.0\.0\.1:1|ECONNREFUSED/ },
      { name: 'name', connection: amqp('no-such-host.invalid'), code: 'CONNECT_FAILED', says: /no-such-host\.invalid/ },
      {
        name: 'password',
        connection: amqp(plain, `guest:${secret}`),
        code: 'AUTH_FAILED',
        says: /refused|login|user/i,
      },
      { name: 'vhost', connection: amqp(plain, undefined, '/nowhere'), code: 'VHOST_MISSING', says: /nowhere/ },
      {
        name: 'tls-to-plain',
        connection: { url: `amqps://guest:guest@${plain}` },
        code: 'TLS_FAILED',
        says: unencrypted,
      },
      { name: 'plain-to-tls', connection: amqp(tls), code: 'PROTOCOL_MISMATCH', says: /TLS|amqps/ },
      { name: 'ca', connection: { url: `amqps://guest:guest@${tls}` }, code: 'TLS_FAILED', says: /certificate/i },
    ],
    [
      { name: 'host', connection: { url: 'kafka://127.0.0.1:1' }, code: 'CONNECT_FAILED', says: /cannot be reached/ },
      {
        name: 'password',
        connection: { url: `kafka://alice:${kafkaSecret}@${ports.saslPlain}` },
        code: 'AUTH_FAILED',
        says: /refused the user or password|refused the login/,
      },
      // Kafka hangs up on who does not log in, without a word: what it may be is in the hint.
      {
        name: 'no-login',
        connection: { url: `kafka://${ports.saslPlain}` },
        code: 'CONNECTION_LOST',
        says: /connection/,
        hint: /sasl/,
      },
      { name: 'tls-to-plain', connection: { url: `kafkas://${ports.plain}` }, code: 'TLS_FAILED', says: unencrypted },
      { name: 'plain-to-tls', connection: { url: `kafka://${ports.tls}` }, code: 'TLS_FAILED', says: /kafkas:/ },
      { name: 'ca', connection: { url: `kafkas://${ports.tls}` }, code: 'TLS_FAILED', says: /certificate/i },
    ],
  ]
}

/** Every bad connection as a source and as a target. */
export function badConnections(rabbit: BrokerInfo, kafka: BrokerInfo, queue: string, topic: string): BadEndpoint[] {
  const [rabbits, kafkas] = connections(rabbit, kafka)
  return [...bothEnds(rabbits, 'rabbitmq', { queue }), ...bothEnds(kafkas, 'kafka', { topic })]
}

function bothEnds(all: readonly Broken[], broker: string, to: object, from = to): BadEndpoint[] {
  return all.flatMap(({ name, ...broken }) =>
    (['from', 'to'] as const).map(end => ({
      ...broken,
      route: `${broker}-${name}-${end}`,
      end,
      options: end === 'to' ? { ...to } : { ...from },
    })),
  )
}

/** Likewise of NATS, core and JetStream, and of Pulsar by WebSocket. */
export function badServers(nats: BrokerInfo, pulsar: BrokerInfo, missing: string): BadEndpoint[] {
  const { plain, tls, token } = nats.listeners as Record<'plain' | 'tls' | 'token', string>
  const web = new URL(pulsar.url).host
  const secret = SECRETS[2]!
  const servers: readonly Broken[] = [
    { name: 'host', connection: { url: 'nats://127.0.0.1:1' }, code: 'CONNECT_FAILED', says: /127\.0\.0\.1:1/ },
    { name: 'token', connection: { url: `nats://${token}`, token: secret }, code: 'AUTH_FAILED', says: /refused/ },
    { name: 'tls-to-plain', connection: { url: `tls://${plain}` }, code: 'TLS_FAILED', says: /TLS/ },
    { name: 'ca', connection: { url: `tls://${tls}` }, code: 'TLS_FAILED', says: /certificate/i },
  ]
  const sockets: readonly Broken[] = [
    { name: 'host', connection: { url: 'ws://127.0.0.1:1' }, code: 'CONNECT_FAILED', says: /127\.0\.0\.1:1/ },
    { name: 'tls-to-plain', connection: { url: `wss://${web}` }, code: 'TLS_FAILED', says: /TLS/ },
  ]
  return [
    ...bothEnds(servers, 'nats', { subject: missing }),
    ...bothEnds(servers, 'jetstream', { stream: missing, subject: missing }, { stream: missing, consumer: 'none' }),
    ...bothEnds(sockets, 'pulsar', { topic: missing }, { topic: missing, subscription: 'none' }),
    {
      route: 'missing-stream-from',
      end: 'from',
      connection: { url: nats.url },
      options: { stream: missing, consumer: 'none' },
      code: 'ADDRESS_MISSING',
      says: new RegExp(missing),
    },
    {
      route: 'missing-stream-to',
      end: 'to',
      connection: { url: nats.url },
      options: { stream: missing, subject: missing },
      code: 'ADDRESS_MISSING',
      says: new RegExp(missing),
    },
  ]
}

/** Addresses that are not there, on connections that are. */
export function badAddresses(rabbit: BrokerInfo, kafka: BrokerInfo, missing: string): BadEndpoint[] {
  const common = { code: 'ADDRESS_MISSING', says: new RegExp(missing.replaceAll('.', '\\.')) }
  const r = { ...common, connection: { url: rabbit.url } }
  const k = { ...common, connection: { url: kafka.url } }
  return [
    { ...r, route: 'missing-queue-from', end: 'from', options: { queue: `${missing}.from`, passive: true } },
    { ...r, route: 'missing-queue-to', end: 'to', options: { queue: `${missing}.to`, passive: true } },
    {
      ...r,
      route: 'missing-exchange-from',
      end: 'from',
      options: { queue: `${missing}.bound`, bind: [{ exchange: `${missing}.bind`, keys: ['#'] }] },
    },
    {
      ...r,
      route: 'missing-exchange-to',
      end: 'to',
      options: { exchange: `${missing}.exchange`, routingKey: 'all' },
    },
    { ...k, route: 'missing-topic-from', end: 'from', options: { topic: `${missing}.from` } },
    { ...k, route: 'missing-topic-to', end: 'to', options: { topic: `${missing}.to` } },
  ]
}
