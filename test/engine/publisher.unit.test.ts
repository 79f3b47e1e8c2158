import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { type ErrorCode, SluiceError } from '../../src/core/errors.ts'
import type { Message } from '../../src/core/message.ts'
import { Gate } from '../../src/engine/gate.ts'
import { Publisher, type PublisherOptions, type Run } from '../../src/engine/publisher.ts'
import { message } from '../core/sample.ts'
import { collectGarbage, until } from './lab.ts'

type Result = SluiceError | null
interface Call {
  readonly ids: readonly string[]
  readonly messages: readonly Message[]
  answer(results?: readonly (ErrorCode | null)[]): void
}

/** A publisher over a sink whose calls the test answers. */
function rig(options: Partial<PublisherOptions> = {}, backoffMs = 1) {
  const calls: Call[] = []
  const abort = new AbortController()
  const gate = new Gate(
    { backoff: { initial: backoffMs, max: backoffMs, factor: 1, jitter: 0 }, probe: async () => {}, changed: () => {} },
    abort.signal,
  )
  const publish = (messages: readonly Message[]) =>
    new Promise<readonly Result[]>(resolve => {
      const answer = (codes: readonly (ErrorCode | null)[] = messages.map(() => null)) =>
        resolve(codes.map(code => (code === null ? null : new SluiceError(code, code))))
      calls.push({ ids: messages.map(one => one.id), messages, answer })
    })
  const publisher = new Publisher(
    { publish, gate, count: 4, bytes: 1_000, linger: 0, concurrency: 2, window: 4, observe: () => {}, ...options },
    abort.signal,
  )
  return { publisher, gate, calls, abort }
}

/** A run that publishes its messages and notes its results. */
function run(...messages: readonly Message[]) {
  const results: (string | null)[] = []
  const made = {
    messages,
    next: 0,
    queued: 0,
    alive: true,
    results,
    refresh: () => made.alive,
    done(answers: readonly Result[]) {
      made.next += answers.length
      for (const answer of answers) results.push(answer?.code ?? null)
    },
  }
  return made satisfies Run
}

const sized = (id: string, size = 1) => message({ id, bytes: Buffer.alloc(size) })
const several = (name: string, count: number, size = 1) =>
  Array.from({ length: count }, (_, n) => sized(`${name}${n}`, size))

describe('a publisher', () => {
  test('fills a batch across runs, up to its count', async () => {
    const { publisher, calls } = rig()
    for (const name of ['a', 'b', 'c']) publisher.enqueue(run(...several(name, 2)))
    await turn()
    expect(calls.map(call => call.ids)).toEqual([
      ['a0', 'a1', 'b0', 'b1'],
      ['c0', 'c1'],
    ])
    expect(publisher.waiting).toBe(0)
  })

  test('sends no more of a run at once than its window', async () => {
    const { publisher, calls } = rig({ window: 1 })
    const one = run(...several('a', 3))
    publisher.enqueue(one)
    await turn()
    expect(calls.map(call => call.ids)).toEqual([['a0']])
  })

  // A message that splits into a thousand large ones is one run: its bytes count one by one.
  test('keeps to its bytes within a run, too', async () => {
    const { publisher, calls } = rig({ count: 100, window: 100, bytes: 1_000 })
    publisher.enqueue(run(...several('a', 10, 400)))
    await turn()
    expect(calls[0]?.ids).toEqual(['a0', 'a1'])
  })

  test('sends a message larger than a batch alone', async () => {
    const { publisher, calls } = rig({ concurrency: 9 })
    publisher.enqueue(run(sized('small', 10)))
    publisher.enqueue(run(sized('huge', 5_000)))
    publisher.enqueue(run(sized('other', 10)))
    await turn()
    expect(calls.map(call => call.ids)).toEqual([['small'], ['huge'], ['other']])
  })

  test('has no more calls under way than its concurrency', async () => {
    const { publisher, calls } = rig({ count: 1, window: 1 })
    for (let n = 0; n < 5; n++) publisher.enqueue(run(sized(`m${n}`)))
    await turn()
    expect(calls.length).toBe(2)
    calls[1]?.answer()
    await turn()
    expect(calls.length).toBe(3)
  })

  // What keeps one order need not have one key: the sink must know what stands behind what.
  test('tells the sink which messages are one run', async () => {
    const numbers: (readonly number[])[] = []
    const publish: PublisherOptions['publish'] = async (messages, _signal, runs) => {
      numbers.push(runs)
      return messages.map(() => null)
    }
    const { publisher } = rig({ publish, count: 10 })
    for (const each of [run(...several('a', 2)), run(...several('b', 1)), run(...several('c', 3))])
      publisher.enqueue(each)
    await turn()
    expect(numbers).toEqual([[0, 0, 1, 2, 2, 2]])
  })

  test('gives each run its own results', async () => {
    const { publisher, calls } = rig()
    const runs = [run(...several('a', 1)), run(...several('b', 2)), run(...several('c', 1))]
    for (const each of runs) publisher.enqueue(each)
    await turn()
    calls[0]?.answer([null, 'NACKED', 'BATCH_BROKEN', null])
    await turn()
    expect(runs.map(each => each.results)).toEqual([[null], ['NACKED', 'BATCH_BROKEN'], [null]])
  })

  test.each([
    ['throws', async () => Promise.reject(new Error('boom'))],
    ['answers too little', async () => [null]],
    ['answers too much', async () => [null, null, null]],
  ])('gives a batch back when the sink %s', async (_, publish) => {
    const { publisher } = rig({ publish })
    const one = run(...several('a', 2))
    publisher.enqueue(one)
    await until('answered', () => one.results.length > 0)
    expect(one.results).toEqual(['UNKNOWN', 'UNKNOWN'])
    expect(publisher.flying).toBe(0)
  })

  test('drops what needs no publishing any more, also behind a closed gate', async () => {
    const { publisher, gate, calls } = rig()
    gate.close(new SluiceError('UNAVAILABLE', 'away', { retryAfterMs: 60_000 }))
    const [dead, live] = [run(...several('a', 2)), run(...several('b', 2))]
    publisher.enqueue(dead)
    publisher.enqueue(live)
    dead.alive = false
    publisher.sweep()
    expect(publisher.waiting).toBe(2)
    await turn()
    expect(calls).toEqual([])
  })

  // Invariant 6: a queue that never empties kept up to 4,096 published runs with all their messages.
  test('lets go of what it has published while there is always more', async () => {
    const { publisher, calls } = rig({ count: 1, window: 1, concurrency: 1 })
    const seen: WeakRef<object>[] = []
    const add = (n: number) => {
      const made = run(sized(`m${n}`))
      seen.push(new WeakRef(made))
      publisher.enqueue(made)
    }
    for (let n = 0; n < 10; n++) add(n)
    for (let n = 0; n < 200; n++) {
      add(n + 10)
      await turn()
      calls.pop()?.answer()
    }
    await turn()
    await collectGarbage()
    expect(seen.filter(one => one.deref() !== undefined).length).toBeLessThan(20)
  })
})

describe('a publisher behind a gate', () => {
  test('lets one call through while it is tried, then all', async () => {
    const { publisher, gate, calls } = rig({ count: 1, window: 1 })
    gate.close(new SluiceError('UNAVAILABLE', 'away', { retryAfterMs: 50 }))
    for (let n = 0; n < 4; n++) publisher.enqueue(run(sized(`m${n}`)))
    await turn()
    expect(calls.length).toBe(0)
    await until('it is tried', () => gate.state === 'probing')
    await turn()
    expect(calls.length).toBe(1)
    calls[0]?.answer()
    await turn()
    expect(gate.state).toBe('open')
    expect(calls.length).toBe(3)
  })

  test('closes it when an endpoint error is among the results, also a call given up by the sink itself', async () => {
    for (const code of ['CONNECTION_LOST', 'ABORTED'] as const) {
      // Long enough that it is not tried again before it is looked at.
      const { publisher, gate, calls, abort } = rig({}, 60_000)
      publisher.enqueue(run(...several('a', 2)))
      await turn()
      calls[0]?.answer([null, code])
      await turn()
      expect(gate.state).toBe('closed')
      abort.abort()
    }
  })

  test('does not close it for what is wrong with a message', async () => {
    const { publisher, gate, calls } = rig()
    publisher.enqueue(run(...several('a', 3)))
    await turn()
    calls[0]?.answer(['TOO_LARGE', 'NACKED', 'BATCH_BROKEN'])
    await turn()
    expect(gate.state).toBe('open')
  })

  // Else an idle route says for hours that its target is away.
  test('opens it when the endpoint is back and nothing is there to prove it with', async () => {
    const { gate } = rig()
    gate.close(new SluiceError('UNAVAILABLE', 'away'))
    await until('it is open', () => gate.state === 'open')
  })

  test('sends nothing after the abort', async () => {
    const { publisher, calls, abort } = rig()
    abort.abort()
    publisher.enqueue(run(sized('m')))
    await turn()
    expect(calls).toEqual([])
  })
})
