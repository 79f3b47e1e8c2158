import { Check } from 'typebox/value'
import { describe, expect, it } from 'vitest'
import type { Message } from '../../src/core/message.ts'
import { split } from '../../src/transforms/split.ts'
import { message, thrown } from '../core/sample.ts'
import { make } from './transform.ts'

const pieces = (options: unknown, of: Message): readonly Message[] => make(split, options)(of) as readonly Message[]

describe('split', () => {
  it('makes one message per element, in order, with all else as it was', () => {
    const order = message({ id: 'o', key: 'k', headers: [['h', 1]], body: { items: [{ a: 1 }, 'x', 2, [3], null] } })
    const result = pieces('${body.items}', order)
    expect(result.map(one => String(one.bytes))).toEqual(['{"a":1}', '"x"', '2', '[3]', 'null'])
    expect(result.map(one => one.id)).toEqual(['o/0', 'o/1', 'o/2', 'o/3', 'o/4'])
    for (const one of result)
      expect([one.key, one.subject, one.headers]).toEqual([order.key, order.subject, order.headers])
  })

  it('gives a redelivery the same ids', () => {
    const again = () => message({ id: undefined, properties: { messageId: 'o' }, body: [1, 2] })
    const ids = pieces('${body}', again()).map(one => one.id)
    expect(ids).toEqual(['o/0', 'o/1'])
    expect(pieces('${body}', again()).map(one => one.id)).toEqual(ids)
  })

  it('gives each piece a message id of its own where there was one', () => {
    const result = pieces(
      '${body}',
      message({ id: undefined, properties: { messageId: 'o', type: 't' }, body: [1, 2] }),
    )
    expect(result.map(one => one.properties)).toEqual([
      { messageId: 'o/0', type: 't' },
      { messageId: 'o/1', type: 't' },
    ])
    expect(pieces('${body}', message({ body: [1] }))[0]?.properties).toEqual({})
  })

  it('keeps text and bytes as they are where the body is not JSON', () => {
    const [first] = pieces('${body.split(",")}', message({ bytes: Buffer.from('a,b'), decode: 'text' }))
    expect(String(first?.bytes)).toBe('a')
  })

  it('of an empty list leaves nothing', () => {
    expect(pieces('${body}', message({ body: [] }))).toEqual([])
  })

  it('of what is no list is poison', () => {
    const error = thrown(() => pieces('${body}', message({ body: { a: 1 } })))
    expect(error).toMatchObject({ code: 'EXPRESSION_FAILED', message: 'split: ${body} does not yield a list' })
  })

  it('of a list that is too long is poison, not a flood', () => {
    expect(pieces({ by: '${body}', max: 2 }, message({ body: [1, 2] }))).toHaveLength(2)
    expect(thrown(() => pieces({ by: '${body}', max: 2 }, message({ body: [1, 2, 3] })))).toMatchObject({
      code: 'TRANSFORM_FAILED',
      message: 'split: ${body} has 3 elements, more than the 2 allowed',
    })
    expect(thrown(() => pieces('${body}', message({ body: Array(10_001).fill(0) }))).code).toBe('TRANSFORM_FAILED')
  })

  it('takes an expression, or one with a limit', () => {
    expect(Check(split.schema, '${body}')).toBe(true)
    expect(Check(split.schema, { by: '${body}', max: 5 })).toBe(true)
    for (const wrong of [{}, { by: '${body}', max: 0 }, { by: '${body}', most: 1 }, []])
      expect(Check(split.schema, wrong)).toBe(false)
  })
})
