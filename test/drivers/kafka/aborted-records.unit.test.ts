import { expect, it } from 'vitest'
import { withoutAborted } from '../../../src/drivers/kafka/aborted-records.ts'

const ABORT = Buffer.from([0, 0, 0, 0])
const COMMIT = Buffer.from([0, 0, 0, 1])
let next = 0
const at = (offset: number) => {
  next = offset
}
const record = (producerId: string, key: Buffer | null = null, inTransaction = true) => ({
  offset: String(next++),
  key,
  isControlRecord: false,
  batchContext: { producerId, inTransaction },
})
const end = (producerId: string, key: Buffer) => ({ ...record(producerId, key), isControlRecord: true })
const left = (messages: ReturnType<typeof record>[], aborted: [producerId: string, first: number][]) =>
  withoutAborted({
    messages,
    abortedTransactions: aborted.map(([producerId, first]) => ({ producerId, firstOffset: String(first) })),
  })
    .filter(one => !one.isControlRecord)
    .map(one => Number(one.offset))

it('leaves everything where nothing was aborted', () => {
  at(0)
  const messages = [record('1'), end('1', COMMIT), record('2', null, false)]
  expect(withoutAborted({ messages })).toBe(messages)
  expect(withoutAborted({ messages, abortedTransactions: [] })).toBe(messages)
})

it('leaves out what was aborted, also where transactions overlap and are listed by their ends', () => {
  at(10)
  const messages = [record('1'), record('1'), record('2'), record('3'), end('2', ABORT), record('1'), end('1', ABORT)]
  messages.push(record('3'), end('3', COMMIT), record('1'), end('1', COMMIT))
  // Transaction 2 ends first.
  const aborted: [string, number][] = [
    ['2', 12],
    ['1', 10],
  ]
  expect(left(messages, aborted)).toEqual([13, 17, 19])
})

it('knows of all that had begun before the fetch', () => {
  at(100)
  const messages = [record('3'), record('2'), record('1'), end('1', ABORT), record('1')]
  const aborted: [string, number][] = [
    ['1', 20],
    ['2', 40],
    ['3', 60],
  ]
  expect(left(messages, aborted)).toEqual([104])
})

it('takes no key of a record for the end of a transaction', () => {
  at(0)
  expect(left([record('1', ABORT), record('1'), end('1', ABORT)], [['1', 0]])).toEqual([])
  at(0)
  expect(left([record('1'), record('2', ABORT), record('1'), end('1', ABORT)], [['1', 0]])).toEqual([1])
})
