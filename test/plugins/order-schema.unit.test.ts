import { join } from 'node:path'
import { expect, it } from 'vitest'
import { validate } from '../../src/transforms/validate.ts'
import { message, thrown } from '../core/sample.ts'
import { make } from '../transforms/transform.ts'

const check = make(validate, 'schemas/order.json', join(import.meta.dirname, '../../plugins'))
const ORDER = { id: 'o-000001', user: 'u-0042', total: 12.5, currency: 'EUR', items: [{ sku: 'a', qty: 1 }] }

it('takes the orders of the demo', () => {
  for (const body of [
    ORDER,
    { ...ORDER, card: '4111111111111111', region: 'eu' },
    { ...ORDER, card: '************1111' },
  ]) {
    const order = message({ body })
    expect(check(order)).toBe(order)
  }
})

it('refuses what the demo sends as poison', () => {
  const { user: _, ...anonymous } = ORDER
  for (const [body, words] of [
    [anonymous, "body must have required property 'user'"],
    [{ ...ORDER, total: -1 }, '/total must be >= 0'],
    [{ ...ORDER, items: [] }, '/items must NOT have fewer than 1 items'],
    [{ ...ORDER, items: [{ sku: 'a', qty: 0 }] }, '/items/0/qty must be >= 1'],
    ['order', 'body must be object'],
  ] as const)
    expect(thrown(() => check(message({ body }))).message).toContain(words)
})
