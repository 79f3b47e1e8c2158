import { readFileSync } from 'node:fs'
import amqp from 'amqplib'
import type { SASLOptions } from 'kafkajs'
import { beforeEach, describe, expect, test } from 'vitest'
import { loadKafkajs } from '../../src/drivers/kafka/kafkajs.ts'
import { given } from './given.ts'
import { kafkaUsers } from './kafka.ts'
import type { Kind } from './kinds.ts'
import { callManagement } from './management.ts'
import { proxyFor } from './proxy.ts'
import { clientName, tls } from './tls.ts'

const { Kafka, logLevel } = loadKafkajs() // without kafkajs' warning about a negative time-out

type Files = { readonly key: string; readonly cert: string }

const trust = { ca: [readFileSync(tls.ca)], servername: 'localhost' }
const present = ({ key, cert }: Files) => ({ ...trust, key: readFileSync(key), cert: readFileSync(cert) })

/** A broker that the environment names has its plain listener only. */
function onlyLocal(kind: Kind): void {
  beforeEach(ctx => {
    if (given(kind).where !== 'local') ctx.skip(`the environment names another ${kind}`)
  })
}

describe.each(['rabbitmq4', 'rabbitmq3'] as const)('%s', kind => {
  onlyLocal(kind)
  const open = async (options: object, url = `amqps://guest:guest@${given(kind).listeners['tls']}`) => {
    const connection = await amqp.connect(url, options)
    await connection.close()
  }

  test('TLS, with a certificate the client can check', async () => {
    await open(trust)
    await expect(open({ ca: [readFileSync(tls.strangerCa)] })).rejects.toThrow(/self-signed|unable to verify|issuer/)
  })

  test('EXTERNAL logs in by the client certificate', async () => {
    const options = { ...present(tls.client), credentials: amqp.credentials.external() }
    await open(options, `amqps://${given(kind).listeners['tls']}`)
  })

  test.each(['stranger', 'expired'] as const)('a certificate that is %s is turned away', async name => {
    await expect(open(present(tls[name]))).rejects.toThrow(/alert|closed|ECONNRESET|hang up/i)
  })

  test('the management API answers, and knows the certificate user', async () => {
    const { management } = given(kind)
    if (!management) throw new Error('no management address')
    expect(await callManagement(management, 'GET', `/api/users/${clientName}`)).toMatchObject({ name: clientName })
    await expect(callManagement(management, 'GET', '/api/nothing')).rejects.toThrow('404')
  })
})

describe('kafka', () => {
  onlyLocal('kafka')
  const list = async (listener: string, options: { ssl?: object; sasl?: SASLOptions }, brokers?: string[]) => {
    const admin = new Kafka({
      brokers: brokers ?? [given('kafka').listeners[listener] ?? ''],
      logLevel: logLevel.NOTHING,
      retry: { retries: 0 },
      ...options,
    }).admin()
    try {
      await admin.connect()
      return await admin.listTopics()
    } finally {
      await admin.disconnect()
    }
  }

  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
    const login = (username: string, password: string) => ({ mechanism, username, password }) as SASLOptions

    test(`SASL ${mechanism}, with and without TLS`, async () => {
      for (const [username, password] of Object.entries(kafkaUsers)) {
        await list('saslTls', { ssl: trust, sasl: login(username, password) })
        await list('saslPlain', { sasl: login(username, password) })
      }
    })

    test(`SASL ${mechanism} turns a wrong password away`, async () => {
      await expect(list('saslPlain', { sasl: login('alice', 'wrong') })).rejects.toThrow(/authentication/i)
    })
  }

  test('TLS without and with a client certificate', async () => {
    await list('tls', { ssl: trust })
    await list('mutualTls', { ssl: present(tls.client) })
    await expect(list('mutualTls', { ssl: trust })).rejects.toThrow()
    await expect(list('mutualTls', { ssl: present(tls.stranger) })).rejects.toThrow()
    await expect(list('mutualTls', { ssl: present(tls.expired) })).rejects.toThrow()
    await expect(list('tls', { ssl: { ca: [readFileSync(tls.strangerCa)] } })).rejects.toThrow()
  })

  test('a client behind the proxy stays behind it', async () => {
    await using proxy = await proxyFor(given('kafka'))
    const brokers = [new URL(proxy.url).host]
    const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    const { brokers: nodes } = await admin.describeCluster()
    await admin.disconnect()
    expect(nodes).toEqual([{ nodeId: 1, host: '127.0.0.1', port: proxy.port }])
  })

  test('topics are not made by asking for them', async () => {
    const admin = new Kafka({ brokers: [given('kafka').listeners['plain'] ?? ''], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    const asked = admin.fetchTopicMetadata({ topics: ['kit-no-such-topic'] })
    await expect(asked).rejects.toThrow(/does not host|unknown/i)
    await admin.disconnect()
  })
})
