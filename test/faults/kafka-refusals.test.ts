import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { type Broker, startBroker } from '../brokers/broker.ts'
import { kafkaUsers } from '../brokers/kafka.ts'
import { clientName, tls } from '../brokers/tls.ts'
import { KafkaEnd } from '../streams/kafka-end.ts'
import { KafkaAccess } from './kafka-access.ts'
import { expectMended, type Refusal, secret } from './mended.ts'

// Its users and rights are changed: a broker of its own.
let kafka: Broker
let access: KafkaAccess
beforeAll(async () => {
  kafka = await startBroker('kafka', { instance: 'kafka-refusals' })
  access = new KafkaAccess(kafka)
})
afterAll(async () => {
  await access?.[Symbol.asyncDispose]()
  await kafka?.[Symbol.asyncDispose]()
})

const { ca, client } = tls
const secure = (login: string, mechanism: string) => ({
  url: `kafkas://${login}@${kafka.listeners['saslTls']}`,
  sasl: { mechanism },
  tls: { ca },
})

interface Ends extends AsyncDisposable {
  readonly source: KafkaEnd
  readonly target: KafkaEnd
  readonly dead: KafkaEnd
}

async function ends(): Promise<Ends> {
  const name = `refused.${randomUUID().slice(0, 8)}`
  const end = (what: string) => KafkaEnd.open({ url: kafka.url, topic: `${name}.${what}`, partitions: 2 })
  const made = { source: await end('source'), target: await end('target'), dead: await end('dead') }
  await made.target.read()
  return {
    ...made,
    async [Symbol.asyncDispose]() {
      for (const one of Object.values(made)) await one[Symbol.asyncDispose]()
    },
  }
}

const sides = ['from', 'to'] as const
const topicOf = ({ source, target }: Ends, end: 'from' | 'to') => (end === 'from' ? source.topic : target.topic)

describe.each(sides)('Kafka as %s', end => {
  const refused = async (made: Ends, refusal: Omit<Refusal, 'end'>) => expectMended(made, { end, ...refusal })

  test('a user that is not there, SCRAM-SHA-256 over TLS: until it is made', async () => {
    await using made = await ends()
    const user = `user-${randomUUID().slice(0, 8)}`
    const connection = secure(`${user}:${secret}`, 'scram-sha-256')
    const mend = () => access.password(user, 'scram-sha-256', secret)
    await refused(made, { connection, code: 'AUTH_FAILED', says: /user or password/, secret, mend })
  })

  test('a wrong password, SCRAM-SHA-512 over TLS: until it is set', async () => {
    await using made = await ends()
    const user = `user-${randomUUID().slice(0, 8)}`
    await access.password(user, 'scram-sha-512', 'another')
    const connection = secure(`${user}:${secret}`, 'scram-sha-512')
    const mend = () => access.password(user, 'scram-sha-512', secret)
    await refused(made, { connection, code: 'AUTH_FAILED', says: /user or password/, secret, mend })
  })

  test('no right to the topic, PLAIN over TLS: until an ACL grants it', async () => {
    await using made = await ends()
    const topic = topicOf(made, end)
    await access.allow('alice', 'topic', topic)
    const connection = secure(`bob:${kafkaUsers.bob}`, 'plain')
    const mend = () => access.allow('bob', 'topic', topic)
    await refused(made, { connection, code: 'ACCESS_DENIED', says: /TOPIC_AUTHORIZATION_FAILED/, mend })
  })

  test('no right to the topic, by client certificate: until an ACL grants it', async () => {
    await using made = await ends()
    const topic = topicOf(made, end)
    await access.allow('alice', 'topic', topic)
    const { cert, key } = client
    const connection = { url: `kafkas://${kafka.listeners['mutualTls']}`, tls: { ca, cert, key } }
    const mend = () => access.allow(`CN=${clientName}`, 'topic', topic)
    await refused(made, { connection, code: 'ACCESS_DENIED', says: /TOPIC_AUTHORIZATION_FAILED/, mend })
  })
})

test('Kafka as from: no right to the group, until an ACL grants it', async () => {
  await using made = await ends()
  await access.allow('alice', 'group', made.source.group)
  await expectMended(made, {
    end: 'from',
    connection: secure(`bob:${kafkaUsers.bob}`, 'plain'),
    code: 'ACCESS_DENIED',
    says: /GROUP_AUTHORIZATION_FAILED/,
    mend: () => access.allow('bob', 'group', made.source.group),
  })
})

test('exactly-once: no right to transactional ids, until an ACL grants it', async () => {
  await using made = await ends()
  await access.allow('alice', 'transactionalId', 'sluice.refused.', true)
  const connection = secure(`bob:${kafkaUsers.bob}`, 'plain')
  await expectMended(made, {
    end: 'to',
    connection,
    code: 'ACCESS_DENIED',
    says: /transactional id/,
    tied: true,
    mend: () => access.allow('bob', 'transactionalId', 'sluice.refused.', true),
  })
})
