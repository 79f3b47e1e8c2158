import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { given } from '../brokers/given.ts'
import { proxyFor } from '../brokers/proxy.ts'
import { until } from '../streams/ends.ts'
import { fill, RunningGateway } from '../streams/gateway.ts'
import { KafkaRequester, KafkaResponder } from './kafka-party.ts'
import { NatsRequester, NatsResponder } from './nats-party.ts'
import { answers, expected, questions, type Requester, type Responder } from './parties.ts'
import { PulsarRequester, PulsarResponder } from './pulsar-party.ts'
import { RabbitRequester, RabbitResponder } from './rabbit-party.ts'

const TEMPLATE = `
version: 1
admin: false
connections:
  here: { $HERE }
  there: { $THERE }
routes:
  rpc:
    from: { connection: here, $FROM }
    to: { connection: there, $TO }
    reply: { $REPLY }
`

interface Asking {
  readonly connection: object
  readonly from: object
  readonly requester: Requester
}

interface Answering {
  readonly connection: object
  readonly to: object
  readonly responder: Responder
  /** Where answers from there arrive, when it has to be given. */
  readonly address?: string
}

const name = () => `rpc.${randomUUID().slice(0, 8)}`

const ASKING = {
  async nats(): Promise<Asking> {
    const { url } = given('nats')
    const subject = name()
    const requester = await NatsRequester.open(url, subject)
    return { connection: { url }, from: { subject, queue: 'gateways' }, requester }
  },
  async rabbitmq(): Promise<Asking> {
    const { url } = given('rabbitmq4')
    const queue = name()
    const requester = await RabbitRequester.open({ url, queue, replies: 'direct' })
    return { connection: { url }, from: { queue, type: 'quorum' }, requester }
  },
  async kafka(): Promise<Asking> {
    const { url } = given('kafka')
    const topic = name()
    const requester = await KafkaRequester.open({ url, topic })
    return { connection: { url }, from: { topic, group: `${topic}.gateway` }, requester }
  },
  async pulsar(): Promise<Asking> {
    const { url } = given('pulsar')
    const topic = name()
    const requester = await PulsarRequester.open(url, topic)
    return { connection: { url }, from: { topic, type: 'shared' }, requester }
  },
}

const ANSWERING = {
  async nats(): Promise<Answering> {
    const { url } = given('nats')
    const subject = name()
    return { connection: { url }, to: { subject }, responder: await NatsResponder.open(url, subject) }
  },
  async rabbitmq(): Promise<Answering> {
    const { url } = given('rabbitmq4')
    const queue = name()
    return {
      connection: { url },
      to: { queue, type: 'quorum' },
      responder: await RabbitResponder.open(url, queue),
    }
  },
  async kafka(): Promise<Answering> {
    const { url } = given('kafka')
    const topic = name()
    const address = `${topic}.replies`
    const responder = await KafkaResponder.open(url, topic, address)
    return { connection: { url }, to: { topic }, responder, address }
  },
  async pulsar(): Promise<Answering> {
    const { url } = given('pulsar')
    const topic = name()
    const responder = await PulsarResponder.open(url, topic)
    return { connection: { url }, to: { topic }, responder, address: `${topic}.replies` }
  },
}

const yaml = (asking: Asking, { connection, to, address }: Answering, timeout: string) =>
  fill(TEMPLATE, {
    HERE: asking.connection,
    THERE: connection,
    FROM: asking.from,
    TO: to,
    REPLY: { timeout, ...(address === undefined ? {} : { address }) },
  })

async function heard({ requester }: Asking, count: number): Promise<void> {
  await until(
    () => `the requester heard ${count} answers, not ${requester.heard.length}`,
    () => requester.heard.length >= count,
  )
}

const running = (gateway: RunningGateway) => gateway.until('it runs', ({ state }) => state === 'running')
const idle = (gateway: RunningGateway) => gateway.until('nothing is open', ({ inFlight }) => inFlight === 0)

describe.each([
  ['nats', 'rabbitmq'],
  ['rabbitmq', 'nats'],
  ['nats', 'kafka'],
  ['kafka', 'nats'],
  ['nats', 'pulsar'],
  ['pulsar', 'nats'],
] as const)('a requester on %s, a responder on %s', (here, there) => {
  test('two gateways at once: 200 requests, each answered once', async () => {
    const [asking, answering] = await Promise.all([ASKING[here](), ANSWERING[there]()])
    await using requester = asking.requester
    await using responder = answering.responder
    await using one = await RunningGateway.start(yaml(asking, answering, '30s'))
    await using other = await RunningGateway.start(yaml(asking, answering, '30s'))
    await Promise.all([running(one), running(other)])
    const asked = questions(200)
    for (let n = 0; n < 200; n += 20) await requester.ask(asked.slice(n, n + 20))
    await heard(asking, 200)
    await Promise.all([idle(one), idle(other)])
    expect(answers(requester.heard)).toEqual(expected(asked))
    expect(requester.heard).toHaveLength(200)
    expect(responder.asked).toHaveLength(200)
    expect(String(Buffer.from(requester.heard[0]!.headers['by'] as never))).toBe(there.replace('mq', ''))
    // What the responder saw is ours.
    expect(responder.asked.every(({ correlation }) => correlation.startsWith('sluice-'))).toBe(true)
    const [mine, yours] = [one.route.requests!, other.route.requests!]
    expect([mine.answered + yours.answered, mine.late + yours.late]).toEqual([200, 0])
  })
})

describe('the connection to the target is cut', () => {
  test('NATS: what is asked when it is back is answered, from the first request on', async () => {
    await using proxy = await proxyFor(given('nats'))
    const [asking, answering] = await Promise.all([ASKING.rabbitmq(), ANSWERING.nats()])
    await using requester = asking.requester
    await using _responder = answering.responder
    const there = { ...answering, connection: { url: proxy.url } }
    await using gateway = await RunningGateway.start(yaml(asking, there, '50s'))
    const asked = questions(60)
    await requester.ask(asked.slice(0, 10))
    await heard(asking, 10)
    await proxy.cut()
    await gateway.until('the route knows', ({ conditions }) => conditions.length > 0)
    await requester.ask(asked.slice(10))
    await proxy.restore()
    await heard(asking, 60)
    await idle(gateway)
    expect(answers(requester.heard)).toEqual(expected(asked))
    expect(gateway.route.requests).toMatchObject({ answered: 60, timedOut: 0, failed: 0 })
  })

  test('Pulsar: what was answered meanwhile is read when it is back', async () => {
    await using proxy = await proxyFor(given('pulsar'))
    const asking = await ASKING.nats()
    const answering = await ANSWERING.pulsar()
    await using requester = asking.requester
    await using responder = answering.responder as PulsarResponder
    const there = { ...answering, connection: { url: proxy.url } }
    await using gateway = await RunningGateway.start(yaml(asking, there, '50s'))
    await running(gateway)
    const asked = questions(60)
    await requester.ask(asked.slice(0, 10))
    await heard(asking, 10)
    responder.mute = true
    await requester.ask(asked.slice(10))
    await gateway.until('all are pending', ({ requests }) => requests?.pending === 50)
    await until('all were asked', () => responder.asked.length === 60)
    await proxy.cut()
    await gateway.until('the route knows', ({ conditions }) => conditions.length > 0)
    await responder.answerAll(10)
    await proxy.restore()
    await heard(asking, 60)
    await idle(gateway)
    expect(answers(requester.heard)).toEqual(expected(asked))
    expect(gateway.route.requests).toMatchObject({ answered: 60, timedOut: 0, late: 0 })
  })
})

describe('no answer', () => {
  test('of a responder on NATS: nobody there is said at once, silence after its time, a time-out', async () => {
    const [asking, answering] = await Promise.all([ASKING.rabbitmq(), ANSWERING.nats()])
    await using requester = asking.requester
    await using responder = answering.responder
    await using gateway = await RunningGateway.start(yaml(asking, answering, '3s'))
    responder.mute = true
    await requester.ask(questions(5))
    await heard(asking, 5)
    expect(requester.heard.map(({ error }) => error)).toEqual(Array(5).fill('REPLY_TIMED_OUT'))
    await responder[Symbol.asyncDispose]()
    await requester.ask(questions(20, 5))
    await heard(asking, 25)
    expect(requester.heard.slice(5).map(({ error }) => error)).toEqual(Array(20).fill('NO_RESPONDER'))
    await idle(gateway)
    expect(gateway.route.requests).toMatchObject({ timedOut: 5, failed: 20, pending: 0, late: 0 })
  })

  test('for a requester on NATS: an error of a service, as its client library knows them', async () => {
    const [asking, answering] = await Promise.all([ASKING.nats(), ANSWERING.rabbitmq()])
    await using requester = asking.requester
    await using responder = answering.responder
    responder.mute = true
    await using gateway = await RunningGateway.start(yaml(asking, answering, '500ms'))
    await running(gateway)
    await requester.ask(questions(5))
    await heard(asking, 5)
    for (const { headers, body } of requester.heard) {
      expect(headers).toMatchObject({
        'sluice-error': 'REPLY_TIMED_OUT',
        'Nats-Service-Error-Code': '504',
        'Nats-Service-Error': 'REPLY_TIMED_OUT: nobody answered within 500 ms',
      })
      expect(JSON.parse(body)).toMatchObject({ code: 'REPLY_TIMED_OUT', route: 'rpc' })
    }
  })
})
