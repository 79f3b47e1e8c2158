import { describe, expect, test } from 'vitest'
import type { HeaderValue } from '../../src/core/header-value.ts'
import { Typed } from '../../src/core/header-value.ts'
import { Headers } from '../../src/core/headers.ts'
import { HOPS_HEADER } from '../../src/core/message.ts'
import { Hops } from '../../src/engine/hops.ts'
import { message, thrown } from '../core/sample.ts'

const hops = new Hops('orders@1234abcd')
const passed = (value: HeaderValue) =>
  message({
    headers: [
      ['own', 'x'],
      [HOPS_HEADER, value],
    ],
  })

describe('a message', () => {
  test('carries each route it passed, in order, beside its own headers', () => {
    const once = hops.mark(message({ headers: [['own', 'x']] }))
    const twice = new Hops('next@1').mark(once)
    expect(twice.headers.entries).toEqual([
      ['own', 'x'],
      [HOPS_HEADER, 'orders@1234abcd,next@1'],
    ])
  })

  test.each<[string, HeaderValue]>([
    ['a text', 'a@1,orders@1234abcd'],
    ['bytes, as Kafka has them', Buffer.from('orders@1234abcd,b@2')],
    ['a text that AMQP calls no UTF-8', new Typed('text', Buffer.from('orders@1234abcd'))],
  ])('that comes back to a route is a loop: %s', (_, value) => {
    expect(thrown(() => hops.check(passed(value))).code).toBe('LOOP')
  })

  test('that passed 64 routes is one, too', () => {
    expect(() => hops.check(passed(Array(63).fill('r@1').join()))).not.toThrow()
    expect(thrown(() => hops.check(passed(Array(64).fill('r@1').join()))).code).toBe('LOOP')
  })

  test.each<[string, HeaderValue]>([
    ['an empty text', ''],
    ['null', null],
    ['a number', 7],
    ['a 64-bit number', 7n],
    ['true', true],
    ['a list', ['a', 'b']],
    ['a table', { a: 'b' }],
    ['a nested list', [[['x']]]],
    ['a decimal', new Typed('decimal', { places: 2, digits: 5 })],
    ['random bytes', Buffer.from([0xff, 0x00, 0xfe])],
    ['a name that only resembles the route', 'xorders@1234abcd'],
  ])('may carry anything under that name: %s', (_, value) => {
    const one = passed(value)
    expect(() => hops.check(one)).not.toThrow()
    const marked = hops.mark(one)
    expect(thrown(() => hops.check(marked)).code).toBe('LOOP')
    expect(marked.headers.get('own')).toBe('x')
  })

  test('with a hundred megabytes under that name is turned away with a short reason', () => {
    const { code, message: words } = thrown(() => hops.check(passed('x,'.repeat(5_000_000))))
    expect(code).toBe('LOOP')
    expect(words.length).toBeLessThan(1_000)
    const long = thrown(() => hops.check(passed(`${'y'.repeat(1_000_000)},orders@1234abcd`)))
    expect(long.message.length).toBeLessThan(1_000)
  })

  test('with that name twice, as Kafka allows, is a loop when any of them says so', () => {
    const headers = [
      [HOPS_HEADER, 'a@1'],
      [HOPS_HEADER, 'orders@1234abcd'],
    ] as const
    expect(thrown(() => hops.check(message({ headers }))).code).toBe('LOOP')
  })

  test('whose headers cannot be read says so', () => {
    const headers = new Headers(() => {
      throw new Error('broken')
    })
    expect(() => hops.check(message({ headers }))).toThrow('broken')
  })
})
