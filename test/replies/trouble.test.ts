import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { given } from '../brokers/given.ts'
import { proxyFor } from '../brokers/proxy.ts'
import { until } from '../streams/ends.ts'
import { fill, RunningGateway } from '../streams/gateway.ts'
import { answers, expected, questions } from './parties.ts'
import { RabbitRequester, RabbitResponder } from './rabbit-party.ts'

const TEMPLATE = `
version: 1
admin: false
connections:
  here: { $HERE, heartbeat: 5s }
  there: { $THERE, heartbeat: 5s }
routes:
  rpc:
    from: { connection: here, queue: $FROM, type: quorum }
    to: { connection: there, queue: $TO, type: quorum }
    reply: { timeout: 60s }
`

describe.each(['target', 'source'] as const)('the connection to the %s is cut while requests are pending', cut => {
  test('every requester gets its answer all the same', async () => {
    const queue = `rpc.${randomUUID().slice(0, 8)}`
    const [here, there] = [given('rabbitmq4'), given('rabbitmq3')]
    await using proxy = await proxyFor(cut === 'target' ? there : here)
    await using asking = await RabbitRequester.open({ url: here.url, queue, replies: 'queue' })
    await using responder = await RabbitResponder.open(there.url, `${queue}.asked`)
    const yaml = fill(TEMPLATE, {
      HERE: { url: cut === 'source' ? proxy.url : here.url },
      THERE: { url: cut === 'target' ? proxy.url : there.url },
      FROM: queue,
      TO: responder.queue,
    })
    await using gateway = await RunningGateway.start(yaml)
    responder.mute = true
    await asking.ask(questions(50))
    await responder.seen(50)
    await gateway.until('all are pending', ({ requests }) => requests?.pending === 50)
    await proxy.cut()
    await gateway.until('the route knows', ({ conditions }) => conditions.length > 0)
    responder.mute = false
    responder.answerAll()
    await asking.ask(questions(50, 50))
    await proxy.restore()
    await until(
      () => `100 answers, not ${asking.heard.length}: ${JSON.stringify(gateway.route)}`,
      () => new Set(asking.heard.map(({ correlation }) => correlation)).size === 100,
    )
    await gateway.until('nothing is open', ({ inFlight, requests }) => inFlight === 0 && requests?.pending === 0)
    expect(answers(asking.heard)).toEqual(expected(questions(100)))
    // Answers that waited for the inbox count; requests that came again were asked again.
    expect(asking.heard).toHaveLength(100)
    if (cut === 'source') expect(responder.asked.length).toBeGreaterThanOrEqual(150)
    expect(gateway.route.conditions).toEqual([])
  })
})
