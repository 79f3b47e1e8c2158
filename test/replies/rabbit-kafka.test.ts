import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { given } from '../brokers/given.ts'
import { until } from '../streams/ends.ts'
import { fill, RunningGateway } from '../streams/gateway.ts'
import { KafkaResponder } from './kafka-party.ts'
import { answers, expected, questions } from './parties.ts'
import { RabbitRequester } from './rabbit-party.ts'

const TEMPLATE = `
version: 1
admin: false
connections:
  shop: { $SHOP }
  log: { $LOG }
routes:
  rpc:
    from: { connection: shop, $FROM }
    to: { connection: log, topic: $TOPIC }
    reply: { $REPLY }
`

const queue = `rpc.${randomUUID().slice(0, 8)}`
const topic = `${queue}.asked`
const replies = `${queue}.replies`
let responder: KafkaResponder
beforeAll(async () => {
  responder = await KafkaResponder.open(given('kafka').url, topic, replies)
})
afterAll(() => responder[Symbol.asyncDispose]())

const routes = (reply: object = {}) =>
  fill(TEMPLATE, {
    SHOP: { url: given('rabbitmq4').url },
    LOG: { url: given('kafka').url },
    FROM: { queue, type: 'quorum' },
    TOPIC: topic,
    REPLY: { address: replies, ...reply },
  })

const requester = (kind: 'direct' | 'queue') =>
  RabbitRequester.open({ url: given('rabbitmq4').url, queue, replies: kind })

async function heard(asking: RabbitRequester, count: number): Promise<void> {
  await until(
    () => `the requester heard ${count} answers, not ${asking.heard.length}`,
    () => asking.heard.length >= count,
  )
}

describe('a requester on RabbitMQ, a responder on Kafka', () => {
  test.each(['direct', 'queue'] as const)('%s replies: 500 at once, each under its own correlation', async kind => {
    await using asking = await requester(kind)
    await using gateway = await RunningGateway.start(routes({ timeout: '20s' }))
    const asked = questions(500)
    await asking.ask(asked)
    await heard(asking, 500)
    expect(answers(asking.heard)).toEqual(
      Object.fromEntries(Object.entries(expected(asked)).map(([correlation, body]) => [correlation, body])),
    )
    expect(asking.heard).toHaveLength(500)
    expect(asking.heard[0]!.headers).toMatchObject({ by: 'kafka' })
    expect(Object.keys(asking.heard[0]!.headers).filter(name => name.startsWith('kafka_'))).toEqual([])
    await gateway.settled(500)
    expect(gateway.route.requests).toMatchObject({ answered: 500, pending: 0, late: 0, unanswered: 0 })
    expect(await asking.left()).toBe(0)
  })

  test('two gateways at once share the requests and the topic of answers, and none is answered twice', async () => {
    const before = responder.asked.length
    await using asking = await requester('direct')
    await using one = await RunningGateway.start(routes({ timeout: '20s' }))
    await using other = await RunningGateway.start(routes({ timeout: '20s' }))
    await until('both consume', async () => (await asking.consumers()) === 2)
    const asked = questions(400)
    for (let n = 0; n < 400; n += 20) await asking.ask(asked.slice(n, n + 20))
    await heard(asking, 400)
    const idle = (gateway: RunningGateway) => gateway.until('nothing is open', ({ inFlight }) => inFlight === 0)
    await Promise.all([idle(one), idle(other)])
    expect(asking.heard).toHaveLength(400)
    expect(answers(asking.heard)).toEqual(expected(asked))
    expect(responder.asked.length - before).toBe(400)
    const [mine, yours] = [one.route.requests!, other.route.requests!]
    expect(mine.answered + yours.answered).toBe(400)
    expect(Math.min(mine.answered, yours.answered)).toBeGreaterThan(0)
    expect(mine.late + yours.late).toBe(0)
  })

  test('nobody answers: an error that says so; what comes later is dropped', async () => {
    responder.mute = true
    await using asking = await requester('direct')
    await using gateway = await RunningGateway.start(routes({ timeout: '1s' }))
    await asking.ask(questions(20))
    await heard(asking, 20)
    responder.mute = false
    for (const { error, body, headers } of asking.heard) {
      expect(error).toBe('REPLY_TIMED_OUT')
      expect(headers).toEqual({ 'sluice-error': 'REPLY_TIMED_OUT' })
      expect(JSON.parse(body)).toMatchObject({ code: 'REPLY_TIMED_OUT', route: 'rpc' })
    }
    await gateway.settled(20)
    expect(gateway.route.requests).toMatchObject({ timedOut: 20, pending: 0 })
    expect(await gateway.metric('sluice_requests_total')).toBe(20)
    // The gateway is as good as before.
    await asking.ask(questions(5, 20))
    await heard(asking, 25)
    expect(asking.heard.slice(20).map(({ error }) => error)).toEqual(Array(5).fill(undefined))
  })
})
