import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { SluiceError } from '../../src/core/errors.ts'
import type { Message } from '../../src/core/message.ts'
import type { EndpointContext, TransactionContext, Transactions } from '../../src/core/ports.ts'
import { Lab, route, until } from './lab.ts'
import { forever, Handed, scripted, sinkOf, sourceOf } from './scripted.ts'

type Result = SluiceError | null
interface Call {
  readonly ids: readonly string[]
  answer(...results: Result[]): void
}

const BATCH = { size: 2, bytes: '1MiB', linger: '0', concurrency: 8 }
const SPLIT = [{ name: 'split', options: '${body.parts}', timeout: '0' }]
const parts = (id: string, count: number) =>
  new Handed({ id, bytes: Buffer.from(JSON.stringify({ parts: Array.from({ length: count }, (_, n) => n) })) })

/** A route over a connection with transactions; the test answers its publish calls. */
function start(deliveries: readonly Handed[], changes: Parameters<typeof route>[0] = {}) {
  const calls: Call[] = []
  const contexts: EndpointContext[] = []
  let context: TransactionContext | undefined
  let closed = 0
  const transactions: Transactions = {
    async [Symbol.asyncDispose]() {
      closed++
    },
  }
  const tied = scripted('tied', {
    transactions(given) {
      context = given
      return transactions
    },
    async source(given) {
      contexts.push(given)
      return sourceOf(async function* (signal) {
        yield deliveries
        await forever(signal)
      })
    },
    async sink(given) {
      contexts.push(given)
      return sinkOf(
        messages =>
          new Promise(resolve => {
            const nothing = messages.map(() => null)
            const answer = (...results: Result[]) => resolve(results.length === 0 ? nothing : results)
            calls.push({ ids: messages.map((one: Message) => one.id), answer })
          }),
      )
    },
  })
  const lab = new Lab({ plugins: [tied.plugin], connections: [tied.connection] })
  const end = { connection: 'tied', options: {} }
  const made = route({ from: end, to: end, deadLetter: end, delivery: 'exactly-once', batch: BATCH, ...changes })
  const { gateway } = lab.start([made])
  return {
    gateway,
    calls,
    contexts,
    transactions,
    closed: () => closed,
    still: <T>(work: () => Promise<T>, ms = 5_000) => context!.still(work, ms),
  }
}

describe('a route with exactly-once', () => {
  test('hands its transactions to the source and to the sinks of that connection, and closes them last', async () => {
    const rig = start([new Handed()], { order: 'none' })
    await until('it publishes', () => rig.calls.length === 1)
    rig.calls[0]!.answer(new SluiceError('TOO_LARGE', 'too large'))
    await until('the dead letter is written', () => rig.calls.length === 2)
    rig.calls[1]!.answer()
    expect(rig.contexts.map(context => context.transactions)).toEqual(Array(3).fill(rig.transactions))
    expect(rig.closed()).toBe(0)
    await rig.gateway.stop(1_000)
    expect(rig.closed()).toBe(1)
  })

  test('does not tie dead letters on another connection', async () => {
    const elsewhere = { connection: 'there', options: { address: 'dead' } }
    const rig = start([new Handed()], { order: 'none', deadLetter: elsewhere })
    await until('it publishes', () => rig.calls.length === 1)
    expect(rig.contexts.map(context => context.transactions)).toEqual(Array(2).fill(rig.transactions))
    rig.calls[0]!.answer()
    await rig.gateway.stop(1_000)
  })
})

describe('a moment of stillness', () => {
  test('comes when calls under way are back, and nothing is published until its work is done', async () => {
    const deliveries = [1, 2, 3].map(n => new Handed({ id: `m${n}` }))
    const rig = start(deliveries, { order: 'none', batch: { ...BATCH, size: 1, concurrency: 1 } })
    await until('the first is under way', () => rig.calls.length === 1)
    const work = Promise.withResolvers<void>()
    let acked: number | undefined
    const still = rig.still(() => {
      acked = deliveries.reduce((sum, { acks }) => sum + acks, 0)
      return work.promise
    })
    await turn()
    expect(acked).toBeUndefined()
    rig.calls[0]!.answer()
    await until('the moment comes', () => acked !== undefined)
    expect(acked).toBe(1)
    for (let i = 0; i < 10; i++) await turn()
    expect(rig.calls.length).toBe(1)
    work.resolve()
    await still
    await until('it goes on', () => rig.calls.length === 2)
    for (const index of [1, 2]) {
      await until('the next', () => rig.calls.length > index)
      rig.calls[index]!.answer()
    }
    await rig.gateway.stop(1_000)
  })

  test('waits for the other parts of what is published in part, and lets them pass before anything else', async () => {
    const deliveries = [parts('a', 3), parts('b', 1), parts('c', 1)]
    const rig = start(deliveries, { order: 'none', transform: SPLIT, batch: { ...BATCH, concurrency: 1 } })
    await until('two of three parts are under way', () => rig.calls.length === 1)
    const acks: number[][] = []
    const still = rig.still(async () => void acks.push(deliveries.map(one => one.acks)))
    rig.calls[0]!.answer()
    await until('the third part goes', () => rig.calls.length === 2)
    expect(rig.calls.map(({ ids }) => ids)).toEqual([['a/0', 'a/1'], ['a/2']])
    rig.calls[1]!.answer()
    await still
    expect(acks).toEqual([[1, 0, 0]])
    await until('the rest', () => rig.calls.length === 3)
    rig.calls[2]!.answer()
    await rig.gateway.stop(1_000)
  })

  test('waits for the dead letter of what is published in part', async () => {
    const delivery = parts('a', 2)
    const rig = start([delivery], { order: 'none', transform: SPLIT })
    await until('both parts are under way', () => rig.calls.length === 1)
    const acks: number[] = []
    const still = rig.still(async () => void acks.push(delivery.acks))
    rig.calls[0]!.answer(null, new SluiceError('TOO_LARGE', 'too large'))
    await until('the dead letter goes', () => rig.calls.length === 2)
    expect(acks).toEqual([])
    rig.calls[1]!.answer()
    await still
    expect(acks).toEqual([1])
    await rig.gateway.stop(1_000)
  })

  test('does not come while a part waits for another attempt: TIMED_OUT, and the route publishes on', async () => {
    const rig = start([parts('a', 2), parts('b', 1)], {
      order: 'none',
      transform: SPLIT,
      retry: { attempts: 4, max: '1h' },
    })
    await until('the first parts are under way', () => rig.calls.length >= 1)
    const failure = new SluiceError('NACKED', 'not now', { retryAfterMs: 3_600_000 })
    let worked = false
    const still = rig.still(async () => {
      worked = true
    }, 50)
    rig.calls[0]!.answer(null, failure)
    await expect(still).rejects.toMatchObject({ code: 'TIMED_OUT' })
    expect(worked).toBe(false)
    await until('the other message goes', () => rig.calls.length === 2)
    expect(rig.calls[1]!.ids).toEqual(['b/0'])
    await rig.gateway.stop(0)
  })

  test('that does not come makes the route name the message that is published in part, until it has passed', async () => {
    const rig = start([parts('a', 2)], {
      order: 'none',
      transform: SPLIT,
      deadLetter: undefined,
      retry: { attempts: 4, max: '1ms' },
    })
    const transaction = () => rig.gateway.status[0]!.conditions.find(({ part }) => part === 'transaction')
    await until('the first parts are under way', () => rig.calls.length >= 1)
    const refused = new SluiceError('TOO_LARGE', 'the broker takes no more than 10 bytes')
    const still = rig.still(async () => {}, 50)
    rig.calls[0]!.answer(null, refused)
    await expect(still).rejects.toMatchObject({ code: 'TIMED_OUT' })
    expect(transaction()).toMatchObject({
      message:
        'nothing can be committed: message a is published in part; the rest of it does not get on: the broker takes no more than 10 bytes',
      hint: expect.stringContaining('`deadLetter`'),
    })
    expect(rig.gateway.status[0]!.state).toBe('holding')
    await until('the refused part goes again', () => rig.calls.length === 2)
    rig.calls[1]!.answer()
    await rig.still(async () => {})
    expect(transaction()).toBeUndefined()
    await rig.gateway.stop(1_000)
  })

  test('comes although a message of which nothing is published waits for another attempt', async () => {
    const held = new Handed({ id: 'held' })
    const rig = start([held], { order: 'none', retry: { attempts: 4, max: '1h' } })
    await until('it is under way', () => rig.calls.length === 1)
    rig.calls[0]!.answer(new SluiceError('NACKED', 'not now', { retryAfterMs: 3_600_000 }))
    expect(await rig.still(async () => held.acks)).toBe(0)
    await rig.gateway.stop(0)
  })

  test('is one at a time, and what its work throws is thrown', async () => {
    const rig = start([], { order: 'none' })
    await until('it runs', () => rig.contexts.length === 2)
    const seen: string[] = []
    const work = (name: string) => async () => {
      seen.push(`${name} begins`)
      await turn()
      seen.push(`${name} ends`)
      if (name === 'first') throw new Error('no commit')
    }
    const first = rig.still(work('first'))
    const second = rig.still(work('second'))
    await expect(first).rejects.toThrow('no commit')
    await second
    expect(seen).toEqual(['first begins', 'first ends', 'second begins', 'second ends'])
    await rig.gateway.stop(0)
    await expect(rig.still(async () => {})).resolves.toBeUndefined()
  })
})
