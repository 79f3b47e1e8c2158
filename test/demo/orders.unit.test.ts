import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import maskCard from '../../plugins/mask-card.ts'
import { Headers } from '../../src/core/headers.ts'
import { Message } from '../../src/core/message.ts'
import { builtinTransforms } from '../../src/transforms/builtin.ts'
import { OrderBook } from './orders.ts'

const book = new OrderBook(3_000, 500, 'run')
const numbers = Array.from({ length: book.count }, (_, n) => n)
const root = join(import.meta.dirname, '../..')
const context = { route: 'orders', baseDir: root, log: { debug() {}, info() {}, warn() {}, error() {} } }

const messageOf = (n: number) =>
  new Message({
    id: `run-${n}`,
    key: null,
    subject: book.order(n).routingKey,
    headers: Headers.EMPTY,
    bytes: book.order(n).body,
    timestamp: 0,
    properties: {},
    source: { connection: 'shop', address: 'q', sequence: 'q', position: '1', attempt: 1 },
  })

describe('the orders of the demo', () => {
  it('are never of one user within as many orders as there are users', () => {
    for (const users of [10, 500, 997]) {
      const one = new OrderBook(3 * users, users, 'run')
      for (let from = 0; from <= 2 * users; from += Math.ceil(users / 7)) {
        const window = new Set(Array.from({ length: users }, (_, i) => one.userOf(from + i)))
        expect(window.size).toBe(users)
      }
    }
  })

  it('are numbered per user without a gap', () => {
    const last = new Map<string, number>()
    for (const n of numbers) {
      expect(book.seqOf(n)).toBe((last.get(book.userOf(n)) ?? 0) + 1)
      last.set(book.userOf(n), book.seqOf(n))
    }
  })

  it('have a body of about a kilobyte', () => {
    const sizes = numbers.filter(n => book.kindOf(n) === 'good').map(n => book.order(n).body.length)
    expect(Math.min(...sizes)).toBeGreaterThan(850)
    expect(Math.max(...sizes)).toBeLessThan(1_250)
  })

  it('hold a few poisonous ones per thousand, of both kinds', () => {
    for (const kind of ['invalid', 'garbled', 'free'] as const) {
      expect(book.amount(kind, 1_000)).toBe(2)
      expect(book.amount(kind)).toBe(6)
    }
    expect(book.amount('good')).toBe(3_000 - 18)
  })

  it('pass the schema of routes.yaml exactly when they are good or free', async () => {
    const validate = await builtinTransforms
      .transforms!.find(factory => factory.name === 'validate')!
      .create('plugins/schemas/order.json', context)
    const fate = (n: number): string => {
      try {
        void validate(messageOf(n))
        return 'passes'
      } catch (error) {
        return (error as { code: string }).code
      }
    }
    const expected = { good: 'passes', free: 'passes', invalid: 'VALIDATION_FAILED', garbled: 'BODY_INVALID' }
    for (const n of numbers.slice(0, 1_000)) expect(fate(n)).toBe(expected[book.kindOf(n)])
  })

  it('arrive as the shipped plug-in leaves them', async () => {
    const mask = await maskCard.transforms![0]!.create({}, context)
    for (const n of [0, 1, 2, 999]) expect(String(((await mask(messageOf(n))) as Message).bytes)).toBe(book.arrives(n))
    expect(book.arrives(0)).toContain('"card":"**** **** **** 1000"')
  })
})
