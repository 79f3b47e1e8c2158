import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type HeaderValue, plain, Typed } from '../../src/core/header-value.ts'
import { type HeaderEntry, Headers } from '../../src/core/headers.ts'

const name = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor')
const entries = fc.array(fc.tuple(name, fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null))))

describe('headers', () => {
  it('are decoded once, on first use', () => {
    let calls = 0
    const headers = new Headers(() => {
      calls++
      return [['a', 1]]
    })
    expect(calls).toBe(0)
    expect([headers.get('a'), headers.size, [...headers].length]).toEqual([1, 1, 1])
    expect(calls).toBe(1)
  })

  it('decode again after a failure, which is thrown each time', () => {
    const headers = new Headers(() => {
      throw new Error('broken')
    })
    expect(() => headers.entries).toThrow('broken')
    expect(() => headers.view).toThrow('broken')
  })

  it('keep repeated names in order', () => {
    const headers = new Headers([
      ['a', 1],
      ['b', 2],
      ['a', 3],
    ])
    expect(headers.get('a')).toBe(1)
    expect(headers.getAll('a')).toEqual([1, 3])
    expect(headers.view['a']).toBe(1)
    expect(headers.with('a', 9).entries).toEqual([
      ['a', 9],
      ['b', 2],
    ])
  })

  it('set a name exactly once and leave the others in their order (property)', () => {
    fc.assert(
      fc.property(entries, name, fc.string(), (list, set, value) => {
        const before = new Headers(list)
        const after = before.with(set, value)
        expect(after.getAll(set)).toEqual([value])
        const others = (headers: Headers): HeaderEntry[] => headers.entries.filter(entry => entry[0] !== set)
        expect(others(after)).toEqual(others(before))
        expect(before.entries).toEqual(list)
      }),
    )
  })

  it('show every name in the view, whatever it is called (property)', () => {
    fc.assert(
      fc.property(entries, list => {
        const headers = new Headers(list)
        expect(Object.keys(headers.view).toSorted()).toEqual([...new Set(list.map(([key]) => key))].toSorted())
        for (const key of Object.keys(headers.view)) expect(headers.view[key]).toEqual(headers.get(key))
      }),
    )
  })

  it('give the same object back when nothing is added or dropped', () => {
    const headers = Headers.of({ a: 1 })
    expect(headers.concat([])).toBe(headers)
    expect(headers.without(() => false)).toBe(headers)
    expect(headers.without(key => key === 'a').size).toBe(0)
  })

  it.each<[HeaderValue, string | undefined]>([
    ['x', 'x'],
    [Buffer.from('é'), 'é'],
    [5, '5'],
    [5n, '5'],
    [true, 'true'],
    [null, undefined],
    [new Typed('int64', 7n), '7'],
    [new Typed('decimal', { places: 2, digits: 1250 }), '12.5'],
    [new Typed('text', Buffer.of(0x41)), 'A'],
    [['a', 1], '["a",1]'],
    [[2n ** 60n, Buffer.from('é')], '[1152921504606846976,"é"]'],
  ])('as text: %o is %o', (value, text) => {
    expect(Headers.of({ h: value }).text('h')).toBe(text)
  })
})

describe('plain', () => {
  it('makes ordinary data of typed values, however deep', () => {
    expect(plain([new Typed('int8', 3), { t: new Typed('timestamp', 5n), big: 2n ** 60n, small: 4n }])).toEqual([
      3,
      { t: 5, big: 2n ** 60n, small: 4 },
    ])
    expect(plain(new Typed('decimal', { places: 1, digits: -15 }))).toBe(-1.5)
  })

  it('gives bytes as they are', () => {
    const bytes = Buffer.of(1)
    expect(plain(bytes)).toBe(bytes)
    expect(plain(new Typed('text', bytes))).toBe(bytes)
  })
})
