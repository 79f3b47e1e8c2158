import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { given } from '../brokers/given.ts'
import { GatewayFolder } from '../faults/gateway-process.ts'
import { until } from '../streams/ends.ts'
import { fill, RunningGateway } from '../streams/gateway.ts'
import { answers, expected, questions } from './parties.ts'
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
    to: { connection: there, exchange: $EXCHANGE, type: direct, routingKey: $KEY }
    reply: { $REPLY }
`

/** Requests on RabbitMQ 4, answers from 3.10. */
class Lane implements AsyncDisposable {
  readonly queue = `rpc.${randomUUID().slice(0, 8)}`
  readonly here = given('rabbitmq4').url
  readonly there = given('rabbitmq3').url
  readonly #stack = new AsyncDisposableStack()

  requester = async (replies: 'direct' | 'queue' = 'direct') =>
    this.#stack.use(await RabbitRequester.open({ url: this.here, queue: this.queue, replies }))

  responder = async () => this.#stack.use(await RabbitResponder.open(this.there, `${this.queue}.asked`))

  /** The default exchange cannot be named, so requests go through one that a queue may or may not be bound to. */
  yaml(reply: object = {}, to?: string): string {
    const yaml = fill(TEMPLATE, {
      HERE: { url: this.here },
      THERE: { url: this.there },
      FROM: { queue: this.queue, type: 'quorum' },
      EXCHANGE: 'sluice.test.rpc',
      KEY: this.queue,
      REPLY: { timeout: '10s', ...reply },
    })
    return to === undefined ? yaml : yaml.replace(/to: \{.*\}/, `to: { connection: there, queue: ${to}, type: quorum }`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

const heard = (asking: RabbitRequester, count: number) =>
  until(
    () => `the requester heard ${count} answers, not ${asking.heard.length}`,
    () => asking.heard.length >= count,
  )

describe('RabbitMQ 4 asks, RabbitMQ 3.10 answers', () => {
  test('500 at once, with types and properties of the answer', async () => {
    await using lane = new Lane()
    const asking = await lane.requester('queue')
    const responder = await lane.responder()
    await using gateway = await RunningGateway.start(lane.yaml({ address: 'mine' }, responder.queue))
    const asked = questions(500)
    await asking.ask(asked, { region: 'eu' })
    await heard(asking, 500)
    expect(answers(asking.heard)).toEqual(expected(asked))
    expect(asking.heard[0]!.headers).toEqual({ by: 'rabbit', n: 7 })
    expect(new Set(responder.asked.map(({ replyTo }) => replyTo)).size).toBe(1)
    expect(responder.asked[0]!.replyTo).toMatch(/^mine\.sluice-/)
    await gateway.settled(500)
    expect(gateway.route.requests).toMatchObject({ answered: 500, pending: 0, late: 0 })
  })

  test('requesters that are gone are counted, and hold nothing up', async () => {
    await using lane = new Lane()
    const [direct, queued, staying] = [await lane.requester(), await lane.requester('queue'), await lane.requester()]
    const responder = await lane.responder()
    responder.mute = true
    await using gateway = await RunningGateway.start(lane.yaml({ timeout: '2s' }, responder.queue))
    await direct.ask(questions(10))
    await queued.ask(questions(10, 10))
    await staying.ask(questions(10, 20))
    await responder.seen(30)
    await direct.leave()
    await queued.leave()
    await heard(staying, 10)
    await gateway.settled(30)
    expect(gateway.route.requests).toMatchObject({ timedOut: 10, unanswered: 20, pending: 0 })
    expect(gateway.lines.filter(line => /holds|blocked/.test(line))).toEqual([])
  })

  test('a request that no queue is bound for is answered with that', async () => {
    await using lane = new Lane()
    const asking = await lane.requester()
    await using gateway = await RunningGateway.start(lane.yaml())
    await asking.ask(questions(3))
    await heard(asking, 3)
    expect(asking.heard.map(({ error }) => error)).toEqual(Array(3).fill('UNROUTABLE'))
    await gateway.settled(3)
    expect(gateway.route.requests).toMatchObject({ failed: 3 })
  })

  test('killed with requests pending: they are asked again, and every requester gets its answer', async () => {
    await using lane = new Lane()
    const asking = await lane.requester()
    const responder = await lane.responder()
    using folder = new GatewayFolder(lane.yaml({ timeout: '20s' }, responder.queue))
    responder.mute = true
    const first = await folder.start()
    await asking.ask(questions(100))
    await responder.seen(100)
    await first.kill()
    expect(asking.heard).toEqual([])
    responder.mute = false
    await using second = await folder.start()
    await asking.ask(questions(50, 100))
    await heard(asking, 150)
    expect(answers(asking.heard)).toEqual(expected(questions(150)))
    expect(asking.heard).toHaveLength(150)
    // Each of the first hundred was asked twice, under two correlations.
    expect(responder.asked).toHaveLength(250)
    expect(new Set(responder.asked.map(({ correlation }) => correlation)).size).toBe(250)
    expect(await second.stop()).toBe(0)
    expect(second.noise).toEqual([])
    expect(await asking.left()).toBe(0)
  })
})
