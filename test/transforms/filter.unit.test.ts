import { describe, expect, it } from 'vitest'
import { filter } from '../../src/transforms/filter.ts'
import { message, thrown } from '../core/sample.ts'
import { CONTEXT, make } from './transform.ts'

const ORDER = message({ body: { total: 5, list: [] }, headers: [['none', null]] })

describe('filter', () => {
  it('lets a message through or drops it', () => {
    expect(make(filter, '${body.total > 0.0}')(ORDER)).toBe(ORDER)
    expect(make(filter, '${body.total > 9}')(ORDER)).toBeUndefined()
  })

  it('may be a constant', () => {
    expect(make(filter, true)(ORDER)).toBe(ORDER)
    expect(make(filter, '${1 > 2}')(ORDER)).toBeUndefined()
  })

  it.each([
    ['${body.total}', 'a number'],
    ['${headers.none}', 'null'],
    ['${body.list}', 'a list'],
    ['${body}', 'a map or bytes'],
    ['x${body.total}', 'a string'],
  ])('%s is not true or false, and the message poison', (text, kind) => {
    const error = thrown(() => make(filter, text)(ORDER))
    expect(error.code).toBe('EXPRESSION_FAILED')
    expect(error.message).toBe(`filter: ${text} is ${kind}, but has to be true or false`)
  })

  it('without ${…} is told by check, and refused', () => {
    expect(filter.check?.('body.total > 0', CONTEXT)).toMatchObject([{ message: 'a filter is an expression' }])
    expect(thrown(() => make(filter, 'body.total > 0')).code).toBe('OPTIONS_INVALID')
    expect(filter.check?.('${id == "a"}', CONTEXT)).toEqual([])
    expect(filter.check?.(true, CONTEXT)).toEqual([])
  })
})
