import { setTimeout as sleep } from 'node:timers/promises'
import { Type } from 'typebox'
import { describe, expect, it } from 'vitest'
import { SluiceError } from '../../src/core/errors.ts'
import type { Delivery, Driver, Sink } from '../../src/core/ports.ts'
import { createMemoryDriver } from '../../src/drivers/memory/driver.ts'
import type { Mode } from '../../src/drivers/memory/place.ts'
import { memoryTestbed } from '../../src/drivers/memory/testbed.ts'
import { CASES } from './all-cases.ts'
import { runCase } from './index.ts'
import { type Sabotage, sabotaged } from './sabotage.ts'

const PATIENCE_MS = 400

interface Trial {
  readonly number: number
  readonly what: string
  readonly complaint: RegExp
  readonly mode?: Mode
  readonly sabotage: Sabotage
}

/** A sink whose calls are changed before they are made. */
const calls = (change: (sink: Sink) => Sink['publish']): Sabotage => ({ sink: sink => ({ publish: change(sink) }) })
const refused = new SluiceError('NACKED', 'no')
/** Deliveries whose message is changed on the way. */
const messages = (change: (delivery: Delivery) => Delivery['message']): Sabotage => ({
  delivery: delivery => ({ message: change(delivery) }),
})
const leaks = new AbortController()

const trials: readonly Trial[] = [
  {
    number: 1,
    what: 'a timer is left behind',
    complaint: /still open after everything was closed: 1 × Timeout/,
    sabotage: calls(sink => (all, signal) => {
      const timer = setInterval(() => {}, 60_000)
      leaks.signal.addEventListener('abort', () => clearInterval(timer))
      return sink.publish(all, signal)
    }),
  },
  {
    number: 2,
    what: 'the schema takes anything',
    complaint: /connection: an unknown option is refused/,
    sabotage: { driver: ({ schema }) => ({ schema: { ...schema, connection: Type.Object({}) } }) },
  },
  {
    number: 3,
    what: 'a message that is too large is said to be tried again',
    complaint: /too large is poison, not retry/,
    sabotage: calls(sink => async (all, signal) => (await sink.publish(all, signal)).map(result => result && refused)),
  },
  {
    number: 4,
    what: 'bytes pass through a string',
    complaint: /bytes of .* come back exactly/,
    sabotage: messages(({ message }) => message.with({ bytes: Buffer.from(String(message.bytes)) })),
  },
  {
    number: 4,
    what: 'an empty key becomes no key',
    complaint: /the key of/,
    sabotage: messages(({ message }) => message.with({ key: message.key === '' ? null : message.key })),
  },
  {
    number: 5,
    what: 'the last message of a call gets lost',
    complaint: /in vain for 1000 more deliveries/,
    sabotage: calls(sink => async (all, signal) => [...(await sink.publish(all.slice(0, -1), signal)), null]),
  },
  {
    number: 6,
    what: 'a call is stored backwards',
    complaint: /the order of key/,
    sabotage: calls(sink => async (all, signal) => (await sink.publish(all.toReversed(), signal)).toReversed()),
  },
  {
    number: 6,
    what: 'orderedBatch is claimed and not kept',
    complaint: /with orderedBatch nothing of a key is stored behind a failed message/,
    sabotage: calls(
      sink => async (all, signal) => (await Promise.all(all.map(one => sink.publish([one], signal)))).flat(),
    ),
  },
  {
    number: 7,
    what: 'one failure fails its neighbours',
    complaint: /only the message that cannot be stored fails/,
    sabotage: calls(sink => async (all, signal) => {
      const results = await sink.publish(all, signal)
      return results.some(result => result) ? results.map(() => refused) : results
    }),
  },
  {
    number: 8,
    what: 'nothing tells of a redelivery',
    complaint: /the second delivery is attempt 2/,
    sabotage: messages(({ message }) => message.with({ source: { ...message.source, attempt: 1 } })),
  },
  {
    number: 9,
    what: 'an ack settles everything before it',
    complaint: /deep-equal/,
    sabotage: {
      delivery: (delivery, all) => ({
        ack: () => {
          for (const one of all.slice(0, all.indexOf(delivery) + 1)) one.ack()
        },
      }),
    },
  },
  {
    number: 10,
    what: 'a release does not wait',
    complaint: /it came again after \d+ ms/,
    sabotage: { delivery: delivery => ({ release: () => delivery.release() }) },
  },
  {
    number: 11,
    what: 'the in-flight limit is taken twice',
    complaint: /20 deliveries were outstanding/,
    sabotage: { inFlight: limit => limit * 2 },
  },
  {
    number: 12,
    what: 'receive ignores its signal',
    complaint: /receive must end within/,
    sabotage: { source: source => ({ receive: () => source.receive(new AbortController().signal) }) },
  },
  {
    number: 13,
    what: 'an ack can be taken back',
    complaint: /must not come again/,
    sabotage: { delivery: delivery => ({ ack: () => {}, release: () => delivery.release() }) },
  },
  {
    number: 14,
    what: 'a publish throws',
    complaint: /no/,
    sabotage: calls(sink => async (all, signal) => {
      if (signal.aborted) throw refused
      return sink.publish(all, signal)
    }),
  },
  {
    number: 15,
    what: 'every source is its own group',
    complaint: /comes to none of them again/,
    mode: 'log',
    sabotage: {
      driver: driver => ({
        connect(options, context) {
          const connection = driver.connect(options, context)
          const good = connection.source.bind(connection)
          const source: typeof good = (all, endpoint, signal) =>
            good({ ...(all as object), group: crypto.randomUUID() }, endpoint, signal)
          return Object.assign(connection, { source })
        },
      }),
    },
  },
  {
    number: 16,
    what: 'what cannot be published is said to be confirmed',
    complaint: /in vain|nothing is lost/,
    sabotage: calls(sink => async (all, signal) => {
      const results = await sink.publish(all, signal)
      return results.map(result => (result?.scope === 'endpoint' ? null : result))
    }),
  },
  {
    number: 17,
    what: 'a held message is given back at the deadline',
    complaint: /nothing may come now/,
    sabotage: {
      delivery: delivery => {
        void sleep(150, undefined, { ref: false }).then(() => delivery.release())
        return {}
      },
    },
  },
  {
    number: 18,
    what: 'a failure in a batch does not hold back what is behind it',
    complaint: /all of it, in order/,
    sabotage: calls(sink => async (all, signal) => (await sink.publish(all.toReversed(), signal)).toReversed()),
  },
  {
    number: 19,
    what: 'an answer forgets what it answers',
    complaint: /hears every answer under its correlation/,
    sabotage: {
      answerer: answerer => ({
        answer: (answers, signal) => {
          const forgotten = answers.map(({ request, ...rest }) => {
            const { correlationId: _, ...properties } = request.properties
            return { ...rest, request: request.with({ properties }) }
          })
          return answerer.answer(forgotten, signal)
        },
      }),
    },
  },
  {
    number: 19,
    what: 'an answer is handed out with the address it came to',
    complaint: /what addressed the answer is gone/,
    sabotage: {
      inbox: inbox => ({
        async *receive(signal) {
          for await (const replies of inbox.receive(signal))
            yield replies.map(({ correlation, message }) => ({
              correlation,
              message: message.with({ properties: { ...message.properties, correlationId: correlation } }),
            }))
        },
      }),
    },
  },
]

describe('the conformance suite notices', () => {
  for (const { number, what, complaint, mode = 'queue', sabotage } of trials)
    it(`${number}: ${what}`, async () => {
      const good = createMemoryDriver({ mode })
      const driver: Driver = sabotaged(good, sabotage)
      const one = CASES.find(each => each.number === number)!
      const testbed = { ...memoryTestbed(good), ackDeadlineMs: 200 }
      await expect(runCase(one, driver, testbed, PATIENCE_MS)).rejects.toThrow(complaint)
      leaks.abort()
    })

  it('nothing where there is nothing: 17 passes with a deadline', async () => {
    const driver = createMemoryDriver()
    const one = CASES.find(each => each.number === 17)!
    await runCase(one, sabotaged(driver, {}), { ...memoryTestbed(driver), ackDeadlineMs: 200 })
  })
})
