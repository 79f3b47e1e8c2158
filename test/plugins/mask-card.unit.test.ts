import { Check } from 'typebox/value'
import { describe, expect, it } from 'vitest'
import plugin from '../../plugins/mask-card.ts'
import type { Message } from '../../src/core/message.ts'
import { message, thrown } from '../core/sample.ts'
import { one } from '../transforms/transform.ts'

const factory = plugin.transforms![0]!
const ORDER = {
  id: 'o-000001',
  user: 'u-0042',
  total: 12.5,
  currency: 'EUR',
  card: '4111111111111111',
  items: [{ sku: 'a', qty: 1 }],
  region: 'eu',
}
const masked = (body: unknown, options: unknown = {}): unknown => one(factory, options)(message({ body })).body

describe('mask-card', () => {
  it('keeps the last four digits of the card of an order, and all else', () => {
    expect(masked(ORDER)).toEqual({ ...ORDER, card: '************1111' })
  })

  it.each([
    ['4111 1111 1111 1234', '**** **** **** 1234'],
    ['4111-1111-1111-1234', '****-****-****-1234'],
    ['12', '12'],
    ['', ''],
    ['no digits', 'no digits'],
    [4_111_111_111_111_111, '************1111'],
    [null, null],
    [{ number: '4111' }, { number: '4111' }],
  ])('%j becomes %j', (card, result) => {
    expect(masked({ card })).toEqual({ card: result })
  })

  it('finds fields inside maps and lists', () => {
    const body = { payments: [{ card: '11112222' }, { cash: true }], backup: { card: '33334444' } }
    expect(masked(body, { fields: ['payments.card', 'backup.card'], keep: 2 })).toEqual({
      payments: [{ card: '******22' }, { cash: true }],
      backup: { card: '******44' },
    })
  })

  it('can hide everything', () => {
    expect(masked({ card: '1234' }, { keep: 0 })).toEqual({ card: '****' })
  })

  it('leaves a message without the field as it is, bytes and all', () => {
    for (const body of [{ a: 1 }, [], 'card', null, 5, { card: null }]) {
      const before = message({ body })
      expect(one(factory, {})(before)).toBe(before)
    }
    const tombstone = message({ bytes: null })
    expect(one(factory, {})(tombstone)).toBe(tombstone)
  })

  it('does not touch the message it was given', () => {
    const before: Message = message({ body: ORDER })
    const after = one(factory, {})(before)
    expect(before.body).toEqual(ORDER)
    expect(after.id).toBe(before.id)
  })

  it('refuses a body that is too large, before parsing it', () => {
    const large = message({ bytes: Buffer.alloc(2_000, '{') })
    expect(thrown(() => one(factory, { largest: '1KiB' })(large)).message).toMatch(/2000 bytes, more than 1KiB/)
  })

  it('has options with a schema', () => {
    for (const good of [{}, { fields: ['a.b'], keep: 6, largest: '5KiB' }])
      expect(Check(factory.schema, good)).toBe(true)
    for (const bad of [{ fields: [] }, { keep: 7 }, { largest: 'much' }, { field: ['a'] }])
      expect(Check(factory.schema, bad)).toBe(false)
  })
})
