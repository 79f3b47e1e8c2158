import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { given } from '../brokers/given.ts'
import { until } from '../streams/ends.ts'
import { fill, RunningGateway } from '../streams/gateway.ts'
import { KafkaRequester } from './kafka-party.ts'
import { answers, expected, questions } from './parties.ts'
import { RabbitResponder } from './rabbit-party.ts'

const TEMPLATE = `
version: 1
admin: false
connections:
  log: { $LOG }
  shop: { $SHOP }
routes:
  rpc:
    from: { connection: log, $FROM }
    to: { connection: shop, queue: $QUEUE, type: quorum }
    reply: true
`

describe('a requester on Kafka, a responder on RabbitMQ', () => {
  test.each(['spring', 'plain'] as const)(
    '%s headers: answers come under the correlation, of whatever bytes',
    async convention => {
      const topic = `rpc.${randomUUID().slice(0, 8)}`
      const { url } = given('kafka')
      await using asking = await KafkaRequester.open({ url, topic, convention })
      await using responder = await RabbitResponder.open(given('rabbitmq4').url, `${topic}.asked`)
      const yaml = fill(TEMPLATE, {
        LOG: { url },
        SHOP: { url: given('rabbitmq4').url },
        FROM: { topic, group: `${topic}.gateway` },
        QUEUE: responder.queue,
      })
      await using gateway = await RunningGateway.start(yaml)
      const asked = questions(200)
      await asking.ask(asked)
      await until(
        () => `200 answers, not ${asking.heard.length}`,
        () => asking.heard.length >= 200,
      )
      expect(answers(asking.heard)).toEqual(expected(asked))
      expect(asking.heard).toHaveLength(200)
      if (convention === 'spring') expect([...asking.partitions]).toEqual([2])
      const { headers } = asking.heard[0]!
      expect(Object.keys(headers)).toEqual(
        expect.arrayContaining([
          convention === 'spring' ? 'kafka_correlationId' : 'correlation-id',
          'content-type',
          'by',
          'n',
        ]),
      )
      expect(Object.keys(headers)).not.toEqual(expect.arrayContaining(['reply-to']))
      // What the responder saw is ours.
      expect(responder.asked.every(({ correlation }) => correlation.startsWith('sluice-'))).toBe(true)
      // A topic for answers that does not exist costs its own request only.
      await asking.ask(questions(3, 200), `${topic}.nowhere`)
      await asking.ask(questions(3, 300))
      await until(
        () => `203 answers, not ${asking.heard.length}`,
        () => asking.heard.length >= 203,
      )
      await gateway.settled(206)
      expect(gateway.route.requests).toMatchObject({ answered: 203, unanswered: 3, pending: 0 })
      const [inbox] = await responder.inboxes()
      expect(inbox).toMatch(/^sluice\.reply\.sluice-/)
      await gateway.stop()
      expect(await responder.inboxes()).toEqual([])
    },
  )
})
