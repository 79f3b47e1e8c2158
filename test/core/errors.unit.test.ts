import { describe, expect, it } from 'vitest'
import { ERRORS } from '../../src/core/error-table.ts'
import { asSluiceError, describe as inWords, SluiceError } from '../../src/core/errors.ts'

describe('an error', () => {
  it('takes fate, scope and hint from the table, and the place may know better', () => {
    const plain = new SluiceError('NACKED', 'no')
    expect([plain.fate, plain.scope, plain.hint]).toEqual(['retry', 'message', ERRORS.NACKED.hint])
    const special = new SluiceError('NACKED', 'no', { fate: 'poison', hint: 'do that', retryAfterMs: 5 })
    expect([special.fate, special.hint, special.retryAfterMs]).toEqual(['poison', 'do that', 5])
  })

  it('is recognised when another copy of this package made it', () => {
    const foreign = Object.defineProperty(new Error('x'), Symbol.for('sluice.error'), { value: true })
    expect(foreign).toBeInstanceOf(SluiceError)
    expect(asSluiceError(foreign)).toBe(foreign)
    expect(new Error('x')).not.toBeInstanceOf(SluiceError)
    expect(null).not.toBeInstanceOf(SluiceError)
  })

  it('that nobody knows is tried again and keeps its cause', () => {
    const cause = new TypeError('boom')
    const error = asSluiceError(cause)
    expect([error.code, error.fate, error.message, error.cause]).toEqual(['UNKNOWN', 'retry', 'boom', cause])
    expect(asSluiceError('text', 'STORE_AWAY')).toMatchObject({ code: 'STORE_AWAY', message: 'text' })
  })

  it.each([
    [new Error('a'), 'a'],
    [new RangeError(''), 'RangeError'],
    [new AggregateError([new Error('first'), new Error('second')]), 'first'],
    [new AggregateError([], 'all of them'), 'all of them'],
    [undefined, 'undefined'],
    [{ a: 1 }, '[object Object]'],
  ])('%o in words is %o', (value, words) => {
    expect(inWords(value)).toBe(words)
  })
})

describe('the table', () => {
  it.each(Object.entries(ERRORS))('%s says what happened and what to do, in sentences', (code, { meaning, hint }) => {
    expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/)
    expect(meaning).toMatch(/^[A-Z].*\.$/)
    expect(hint).toMatch(/^[A-Z`].*[.}]$/)
  })
})
