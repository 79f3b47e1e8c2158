import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Attempts } from '../../../src/drivers/kafka/attempts.ts'
import { Recollection } from '../../../src/drivers/kafka/recollection.ts'
import { Tenure } from '../../../src/drivers/kafka/tenure.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Committed 100, taken over up to 120, of which 110 and 115 are not settled. */
function kept(): Recollection {
  const tenure = new Tenure('orders', 0, 100, new Attempts('', 10))
  for (let offset = 100; offset < 120; offset++) {
    tenure.take(offset)
    tenure.handOut(offset)
    if (offset !== 110 && offset !== 115) tenure.settle(offset)
  }
  tenure.end()
  const recollection = new Recollection()
  recollection.keep(tenure)
  return recollection
}

const start = (offset: number, more: { topic?: string; partition?: number; chosen?: true } = {}) => ({
  topic: 'orders',
  partition: 0,
  offset,
  metadata: '',
  ...more,
})
const NOTED = [{ from: 300, to: 301 }]
const SETTLED = [
  { from: 111, to: 115 },
  { from: 116, to: 120 },
]

test.each([
  ['the last commit, for the one that should have followed failed', 100],
  ['all that was settled: the commit came through after all', 110],
])('it goes on behind what was settled where the group stands at %s', (_, offset) => {
  expect(kept().resume(start(offset), NOTED)).toEqual({ offset: 110, settled: SETTLED })
})

test.each([
  ['others have come further', start(111)],
  ['others have settled something, too', start(105)],
  ['somebody has set the group back', start(99)],
  ['the group has no commit any more', start(100, { chosen: true })],
  ['another partition', start(100, { partition: 1 })],
  ['another topic', start(100, { topic: 'returns' })],
])('the group counts, and what it notes: %s', (_, where) => {
  expect(kept().resume(where, NOTED)).toEqual({ offset: where.offset, settled: NOTED })
})

test('after three minutes, or once partitions are assigned, nothing is remembered', () => {
  const late = kept()
  vi.advanceTimersByTime(180_000)
  expect(late.resume(start(100), [])).toEqual({ offset: 100, settled: [] })
  const over = kept()
  over.forget()
  expect(over.resume(start(100), [])).toEqual({ offset: 100, settled: [] })
})
