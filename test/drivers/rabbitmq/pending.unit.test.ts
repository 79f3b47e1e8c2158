import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SluiceError } from '../../../src/core/errors.ts'
import { Batch } from '../../../src/core/publish-batch.ts'
import type { Content } from '../../../src/drivers/rabbitmq/content-reader.ts'
import { type Pending, PendingTable } from '../../../src/drivers/rabbitmq/pending.ts'
import { Returns } from '../../../src/drivers/rabbitmq/returns.ts'

const publication = (body: string, routingKey = 'key') => ({
  exchange: 'shop',
  routingKey,
  mandatory: true,
  properties: { deliveryMode: 2 },
  headers: [],
  body: Buffer.from(body),
})

function pendingOf(index: number, body = '', routingKey = 'key'): Pending {
  return { publication: publication(body, routingKey), batch: new Batch(0), index, at: 0, returned: undefined }
}

describe('unconfirmed messages', () => {
  it('are settled once each, whatever mix of single and multiple confirms comes', () => {
    const confirm = fc.record({ number: fc.integer({ min: 1, max: 60 }), multiple: fc.boolean() })
    fc.assert(
      fc.property(fc.array(confirm, { maxLength: 40 }), confirms => {
        const table = new PendingTable()
        for (let i = 1; i <= 50; i++) table.add(pendingOf(i))
        const expected = new Set(Array.from({ length: 50 }, (_, i) => i + 1))
        for (const { number, multiple } of confirms) {
          const settled: number[] = []
          table.confirm(number, multiple, pending => void settled.push(pending.index))
          const covered = number > 50 ? [] : [...expected].filter(i => (multiple ? i <= number : i === number))
          expect(settled).toEqual(covered)
          for (const i of covered) expected.delete(i)
          expect(table.size).toBe(expected.size)
          expect(table.oldest?.index).toBe([...expected][0])
        }
        const rest: number[] = []
        table.drain(pending => void rest.push(pending.index))
        expect(rest).toEqual([...expected])
        expect(table.size).toBe(0)
      }),
    )
  })

  it('keep their numbers over a hundred thousand messages', () => {
    const table = new PendingTable()
    const settled: number[] = []
    for (let i = 1; i <= 100_000; i++) {
      table.add(pendingOf(i))
      if (i > 10) table.confirm(i - 10, false, pending => settled.push(pending.index))
    }
    expect(settled).toEqual(Array.from({ length: 99_990 }, (_, n) => n + 1))
    expect(table.size).toBe(10)
  })
})

describe('a batch', () => {
  it('is done when each message has a result, and keeps the first', async () => {
    const batch = new Batch(2)
    const late = new SluiceError('NACKED', 'late')
    batch.settle(1, null)
    batch.settle(1, late)
    batch.settleRest(late)
    await batch.done
    expect(batch.results).toEqual([late, null])
  })

  it('of nothing is done at once', async () => {
    await new Batch(0).done
  })
})

describe('a returned message', () => {
  const returned = (body: string, routingKey = 'key'): Content => ({
    routingKey,
    properties: { deliveryMode: 2 },
    table: undefined,
    body: Buffer.from(body),
  })
  const tableOf = (...bodies: string[]) => {
    const table = new PendingTable()
    for (const [i, body] of bodies.entries()) table.add(pendingOf(i, body))
    return { table, returns: new Returns(table) }
  }
  const take = (returns: Returns, body: string) => {
    const pending = returns.match(returned(body), 'shop')
    if (pending !== undefined) pending.returned = new SluiceError('UNROUTABLE', 'x')
    return pending?.index
  }

  it('is told from its neighbours by what it says', () => {
    const { returns } = tableOf('a', 'b', 'c', 'd')
    expect(take(returns, 'b')).toBe(1)
    expect(take(returns, 'd')).toBe(3)
  })

  it('of several equal ones is each time another', () => {
    const { returns } = tableOf('a', 'a', 'a')
    expect([take(returns, 'a'), take(returns, 'a'), take(returns, 'a'), take(returns, 'a')]).toEqual([
      0,
      1,
      2,
      undefined,
    ])
  })

  it('is never one that was confirmed', () => {
    const { table, returns } = tableOf('a', 'a')
    table.confirm(1, false, () => {})
    expect(take(returns, 'a')).toBe(1)
  })

  it('is recognised by key and body where the broker changed its headers', () => {
    const { returns } = tableOf('a', 'b')
    const changed: Content = { ...returned('b'), table: Buffer.from('01614900000001', 'hex') }
    expect(returns.match(changed, 'shop')?.index).toBe(1)
  })

  it('to another exchange is nobody’s', () => {
    const { returns } = tableOf('a')
    expect(returns.match(returned('a'), 'other')).toBe(undefined)
  })
})
