import { expect, onTestFinished, test, vi } from 'vitest'
import type { SluiceError } from '../../../src/core/errors.ts'
import { Continuation, type Marks } from '../../../src/drivers/pulsar/continuation.ts'
import type { Received } from '../../../src/drivers/pulsar/transport.ts'

/** `ledger:entry`, and the index in a batch behind it where there is one. */
function received(position: string, partition = -1): Received {
  const [ledger, entry, batchIndex = '-1'] = position.split(':')
  return {
    topic: { domain: 'persistent', tenant: 'public', namespace: 'default', local: 'orders' },
    id: { ledger: BigInt(ledger!), entry: BigInt(entry!), partition, batchIndex: Number(batchIndex) },
    token: position,
    payload: Buffer.alloc(0),
    properties: {},
    key: undefined,
    orderingKey: undefined,
    publishTime: 0,
    eventTime: undefined,
    redeliveryCount: 0,
  }
}

/** One process, session after session. */
function process() {
  const marks: Marks = new Map()
  return () => {
    const lost: SluiceError[] = []
    const continuation = new Continuation(marks, error => {
      lost.push(error)
      continuation.end([])
    })
    return {
      lost,
      /** Those of them that are handed out. */
      passed: (positions: readonly string[], partition?: number) =>
        positions.filter(position => continuation.passes(received(position, partition))),
      end: (held: readonly string[] = []) => continuation.end(held.map(position => received(position))),
    }
  }
}

function withFakeTimers() {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
}

test('the first session of a process begins anywhere, and goes on over what is missing', () => {
  const { passed } = process()()
  expect(passed(['7:3', '7:4', '7:9', '9:2'])).toEqual(['7:3', '7:4', '7:9', '9:2'])
})

test('what follows the last message of the session before goes on at once', () => {
  for (const [last, next] of [
    ['7:3', '7:4'],
    ['7:3:1', '7:3:2'],
    ['7:3:9', '7:4:0'],
    ['7:3', '9:0'],
  ]) {
    const session = process()
    const first = session()
    first.passed([last!])
    first.end()
    expect(session().passed([next!, '11:5']), `${last}, ${next}`).toEqual([next, '11:5'])
  }
})

test('later messages that come first are forgotten until the broker has gone back', () => {
  withFakeTimers()
  const session = process()
  const first = session()
  first.passed(['7:0', '7:1', '7:2'])
  first.end()
  const { passed, lost } = session()
  expect(passed(['7:90', '7:91', '9:4'])).toEqual([])
  vi.advanceTimersByTime(1_000)
  const rest = ['7:3', '7:4', '7:90', '7:91', '9:4']
  expect(passed(rest)).toEqual(rest)
  vi.advanceTimersByTime(10_000)
  expect(lost).toEqual([])
})

test('what was not settled comes before what is new', () => {
  const session = process()
  const first = session()
  first.passed(['7:0', '7:1', '7:2', '7:3'])
  first.end(['7:2', '7:1'])
  const { passed } = session()
  expect(passed(['7:4', '7:5'])).toEqual([])
  expect(passed(['7:1', '7:2', '7:4', '7:5'])).toEqual(['7:1', '7:2', '7:4', '7:5'])
})

test('what was not settled comes in its order; what was settled, and comes again all the same, holds nobody up', () => {
  const session = process()
  const first = session()
  first.passed(['7:0', '7:1', '7:2', '7:3', '7:4', '7:5'])
  first.end(['7:4', '7:1'])
  const { passed } = session()
  expect(passed(['7:4', '7:5', '7:6'])).toEqual([])
  expect(passed(['7:0', '7:1', '7:3', '7:4', '7:6', '9:3'])).toEqual(['7:0', '7:1', '7:3', '7:4', '7:6', '9:3'])
})

test('what was not settled in a session before the last is owed still', () => {
  const session = process()
  const first = session()
  first.passed(['7:0', '7:1', '7:2', '7:3'])
  first.end(['7:2'])
  const second = session()
  expect(second.passed(['7:0', '7:1'])).toEqual(['7:0', '7:1'])
  second.end(['7:0'])
  expect(session().passed(['7:2', '7:4', '7:0', '7:2', '7:4'])).toEqual(['7:0', '7:2', '7:4'])
})

test('a gap that is there in the next session as well is passed over: others acked it, or it expired', () => {
  withFakeTimers()
  const session = process()
  const first = session()
  first.passed(['7:0', '7:1'])
  first.end(['7:1'])
  const second = session()
  expect(second.passed(['7:50', '7:51'])).toEqual([])
  vi.advanceTimersByTime(2_999)
  expect(second.lost).toEqual([])
  vi.advanceTimersByTime(1)
  expect(second.lost).toMatchObject([{ code: 'CONNECTION_LOST' }])
  expect(second.lost[0]!.message).toBe(
    'persistent://public/default/orders: the broker has passed over messages; it is asked again for them',
  )
  const third = session()
  expect(third.passed(['7:50', '7:51'])).toEqual(['7:50', '7:51'])
  third.end()
  expect(session().passed(['7:60']), 'only that gap').toEqual([])
})

test('each partition goes on by itself', () => {
  const session = process()
  const first = session()
  first.passed(['7:0'], 0)
  first.passed(['3:5'], 1)
  first.end()
  const { passed } = session()
  expect(passed(['7:9'], 0)).toEqual([])
  expect(passed(['3:6'], 1)).toEqual(['3:6'])
  expect(passed(['2:0'], 2), 'one that is new to the process').toEqual(['2:0'])
  expect(passed(['7:1', '7:9'], 0)).toEqual(['7:1', '7:9'])
})

test('a session that has ended says no more', () => {
  withFakeTimers()
  const session = process()
  const first = session()
  first.passed(['7:0'])
  first.end()
  const second = session()
  expect(second.passed(['7:9'])).toEqual([])
  second.end()
  vi.advanceTimersByTime(10_000)
  expect(second.lost).toEqual([])
})
