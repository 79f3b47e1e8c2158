import { describe, expect, it } from 'vitest'
import { Typed } from '../../src/core/header-value.ts'
import { batch } from '../../src/transforms/batch.ts'
import { message, thrown } from '../core/sample.ts'
import { gathering, merged } from './gather.ts'

const of = (...bodies: readonly (string | null)[]) =>
  bodies.map((body, n) => message({ id: `m${n}`, bytes: body === null ? null : Buffer.from(body) }))

describe('batch', () => {
  it('as json-array holds the bodies as they are, digits and spaces included', () => {
    const array = merged(batch, { count: 9 }, of('{"a": 12345678901234567890}', '"x"', ' 1 ', null))
    expect(String(array.bytes)).toBe('[{"a": 12345678901234567890},"x", 1 ,null]')
    expect(array.properties).toEqual({ messageId: 'orders/1', contentType: 'application/json' })
    expect(array.headers.get('sluice-batch-count')).toBe(4)
    expect(array.id).toBe('orders/1')
  })

  it('as json-array refuses a body that is no JSON, by itself', () => {
    const { take } = gathering(batch, { count: 9, as: 'json-array' })
    for (const decode of ['json', 'text', 'none'] as const)
      expect(thrown(() => take(message({ bytes: Buffer.from('{"a":'), decode })))).toMatchObject({
        code: 'BODY_INVALID',
      })
  })

  it('as lines ends each body with a line feed, once', () => {
    const lines = merged(batch, { count: 9, as: 'lines' }, of('a', 'b\n', 'c\r\n', ''))
    expect(String(lines.bytes)).toBe('a\nb\nc\n\n')
    expect(lines.properties).toEqual({ messageId: 'orders/1' })
    const json = [1, 2].map(n => message({ body: n, properties: { contentType: 'application/json' } }))
    expect(merged(batch, { count: 9, as: 'lines' }, json).contentType).toBe('application/x-ndjson')
  })

  it('as lines refuses what is not one line', () => {
    const { take } = gathering(batch, { count: 9, as: 'lines' })
    expect(thrown(() => take(of('a\nb')[0]!))).toMatchObject({ code: 'BODY_INVALID', hint: /set: \{ body/ })
    expect(thrown(() => take(of(null)[0]!))).toMatchObject({ code: 'BODY_INVALID' })
  })

  it('keeps the headers and properties on which all agree', () => {
    const typed = new Typed('int64', 5n)
    const one = message({
      headers: [
        ['same', 'x'],
        ['typed', typed],
        ['table', { a: [1, Buffer.from('b')] }],
        ['other', 1],
        ['missing', 1],
        ['twice', 1],
        ['twice', 1],
        ['sluice-hops', 'a,b'],
      ],
      body: 1,
      properties: { type: 't', priority: 1, contentType: 'text/plain', messageId: 'one' },
    })
    const two = message({
      headers: [
        ['other', 2],
        ['table', { a: [1, Buffer.from('b')] }],
        ['typed', new Typed('int64', 5n)],
        ['same', 'x'],
        ['twice', 1],
        ['sluice-hops', 'c,b'],
      ],
      body: 2,
      properties: { type: 't', priority: 2, contentType: 'text/plain', messageId: 'two' },
    })
    const { headers, properties } = merged(batch, { count: 9 }, [one, two])
    expect(headers.entries).toEqual([
      ['same', 'x'],
      ['typed', typed],
      ['table', { a: [1, Buffer.from('b')] }],
      ['sluice-hops', 'a,b,c'],
      ['sluice-batch-count', 2],
    ])
    expect(properties).toEqual({ type: 't', messageId: 'orders/1', contentType: 'application/json' })
  })

  it('has the key of its group, else the one that all share', () => {
    const keyed = (key: string | null) => message({ key, body: 1 })
    expect(merged(batch, { count: 9 }, [keyed('k'), keyed('k')]).key).toBe('k')
    expect(merged(batch, { count: 9 }, [keyed('k'), keyed('l')]).key).toBeNull()
    expect(merged(batch, { count: 9 }, [keyed('k'), keyed('l')], { key: 'group' }).key).toBe('group')
  })

  it('has the time of the latest', () => {
    const times = [5, 9, 7].map(timestamp => message({ timestamp, body: 1 }))
    expect(merged(batch, { count: 9 }, times).timestamp).toBe(9)
  })

  it('reads its key and limits', () => {
    const gather = gathering(batch, { key: '${headers.user}', bytes: '1KiB', every: '250ms', count: 7 })
    expect(gather).toMatchObject({ every: 250, count: 7, bytes: 1_024, separate: false })
    const user = (value: string | number | null) => gather.take(message({ body: 1, headers: [['user', value]] })).key
    expect([user('a'), user(5), user(null)]).toEqual(['a', '5', null])
    expect(thrown(() => gather.take(message({ body: 1 })))).toMatchObject({ code: 'EXPRESSION_FAILED' })
    expect(thrown(() => gathering(batch, { key: '${body}' }).take(message({ body: {} })))).toMatchObject({
      message: 'batch: the key ${body} is a list or a map, not a text or a number',
    })
    expect(gathering(batch, { count: 1, as: 'messages' })).toMatchObject({ separate: true, every: 1_000 })
  })
})
