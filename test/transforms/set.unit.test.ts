import { Check } from 'typebox/value'
import { describe, expect, it } from 'vitest'
import { Typed } from '../../src/core/header-value.ts'
import { set } from '../../src/transforms/set.ts'
import { message, thrown } from '../core/sample.ts'
import { CONTEXT, one } from './transform.ts'

const ORDER = message({
  key: Buffer.from('k'),
  headers: [
    ['a', 1],
    ['b', new Typed('int64', 2n)],
    ['a', 3],
    ['c', null],
  ],
  properties: { messageId: 'm', contentType: 'text/plain', priority: 1 },
  body: { n: 1, name: 'é', nothing: null, big: 3_000_000_000 },
})
const apply = (options: unknown, of = ORDER) => one(set, options)(of)

describe('set headers', () => {
  it('replaces where they stand, adds at the end, and removes with null', () => {
    const { headers } = apply({ headers: { a: '${body.name}', d: 5, c: null, e: '${headers.?nope}' } })
    expect(headers.entries).toEqual([
      ['a', 'é'],
      ['b', new Typed('int64', 2n)],
      ['d', 5],
    ])
  })

  it('sees the message as it was, not as it becomes', () => {
    const { headers } = apply({ headers: { a: 9, d: '${headers.a}' }, subject: '${headers.a}', body: '${subject}' })
    expect(headers.get('d')).toBe(1)
    expect(apply({ subject: 'new', headers: { s: '${subject}' } }).headers.get('s')).toBe('order.created')
  })

  it.each<[string, unknown, unknown]>([
    ['text', 'x', 'x'],
    ['a boolean', true, true],
    ['an int32', '${body.n}', 1],
    ['a whole number beyond 32 bit, as int64', '${body.big}', 3_000_000_000n],
    ['an integer beyond 2^53', '${9223372036854775807}', 2n ** 63n - 1n],
    ['a fraction', '${body.n / 2}', 0.5],
    ['bytes', '${b"\\xff"}', Buffer.of(255)],
    [
      'a list and a table',
      { l: [1, '${id}', null], t: { n: 4_294_967_296 } },
      { l: [1, 'm-1', null], t: { n: 2n ** 32n } },
    ],
    ['text made of parts', 'x-${body.n}', 'x-1'],
  ])('%s', (_, tree, value) => {
    expect(apply({ headers: { h: tree } }).headers.get('h')).toEqual(value)
  })

  it('never touches those of Sluice', () => {
    const options = { headers: { 'sluice-hops': 'x', ok: 1 } }
    expect(set.check?.(options, CONTEXT)).toMatchObject([{ path: ['headers', 'sluice-hops'] }])
    expect(thrown(() => apply(options)).code).toBe('OPTIONS_INVALID')
  })

  it('takes any name, __proto__ included', () => {
    const { headers } = apply(JSON.parse('{"headers": {"__proto__": "p", "constructor": "c"}}'))
    expect([headers.get('__proto__'), headers.get('constructor')]).toEqual(['p', 'c'])
  })
})

describe('set key, subject and id', () => {
  it.each<[unknown, unknown]>([
    ['${headers.a}', '1'],
    ['x${body.n}', 'x1'],
    [null, null],
    ['${body.nothing}', null],
    ['${b"\\x00"}', Buffer.of(0)],
    ['${key}', 'k'],
    [5, '5'],
  ])('key: %j', (tree, key) => {
    expect(apply({ key: tree }).key).toEqual(key)
  })

  it('the subject and the id cannot be null', () => {
    expect(apply({ subject: 'a.${body.n}', id: '${headers.a}' })).toMatchObject({ subject: 'a.1', id: '1' })
    expect(thrown(() => apply({ subject: '${body.nothing}' })).code).toBe('EXPRESSION_FAILED')
    expect(thrown(() => apply({ id: '${body.nothing}' })).message).toMatch(/the id cannot be null/)
  })
})

describe('set body', () => {
  it.each<[unknown, string]>([
    [{ user: '${headers.a}', list: [1, '${body.name}'], fixed: null }, '{"user":1,"list":[1,"é"],"fixed":null}'],
    ['${body.name}', '"é"'],
    ['hello ${body.n}', '"hello 1"'],
    ['${body.n + 1}', '2'],
    [[1], '[1]'],
    [false, 'false'],
    [{ big: '${9007199254740993}' }, '{"big":9007199254740993}'],
    ['${b"raw"}', 'raw'],
  ])('%j', (tree, bytes) => {
    const changed = apply({ body: tree })
    expect(String(changed.bytes)).toBe(bytes)
    expect(changed.id).toBe(ORDER.id)
  })

  it('null is a tombstone', () => {
    expect(apply({ body: null }).bytes).toBeNull()
  })

  it('text stays text where the body is text', () => {
    const text = message({ bytes: Buffer.from('a'), decode: 'text' })
    expect(String(apply({ body: '${body}b' }, text).bytes)).toBe('ab')
  })

  it('what comes after sees the new body', () => {
    expect(apply({ body: { z: '${body.n}' } }).body).toEqual({ z: 1 })
  })
})

describe('set properties', () => {
  it('changes, adds and removes', () => {
    const changed = apply({
      contentType: 'application/json',
      properties: { messageId: null, priority: '${body.n + 4}', timestamp: 12, expiration: '${1000}', type: 'order' },
    })
    expect(changed.properties).toEqual({
      contentType: 'application/json',
      priority: 5,
      timestamp: 12n,
      expiration: '1000',
      type: 'order',
    })
    expect(apply({ contentType: null }).contentType).toBeUndefined()
  })

  it.each(['256', '-1', '1.5', 'x'])('a priority of %s is poison', priority => {
    expect(thrown(() => apply({ properties: { priority: `\${"${priority}"}` } })).code).toBe('EXPRESSION_FAILED')
  })
})

describe('the options of set', () => {
  it.each([
    [{ headers: { a: null } }, true],
    [{ key: null, body: { a: [1] } }, true],
    [{}, false],
    [{ header: {} }, false],
    [{ subject: null }, false],
    [{ properties: { colour: 'red' } }, false],
  ])('%j: %s', (options, valid) => {
    expect(Check(set.schema, options)).toBe(valid)
  })

  it('with a broken expression are refused', () => {
    expect(thrown(() => apply({ headers: { a: { b: ['${bodi}'] } } })).code).toBe('OPTIONS_INVALID')
  })
})
