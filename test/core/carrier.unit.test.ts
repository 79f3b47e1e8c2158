import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CarriedHeader, pack, unpack } from '../../src/core/carrier.ts'
import { SluiceError } from '../../src/core/errors.ts'
import { type HeaderValue, Typed } from '../../src/core/header-value.ts'
import { type HeaderEntry, Headers } from '../../src/core/headers.ts'
import type { Properties } from '../../src/core/message.ts'
import { effort } from '../effort.ts'
import { carriedList, headerEntries, headerValue, properties } from './carrier-arbitrary.ts'

const wire = (list: readonly CarriedHeader[]) =>
  list.map(([name, value]): [string, Buffer | null] => [name, typeof value === 'string' ? Buffer.from(value) : value])

const through = (entries: readonly HeaderEntry[], own: Properties = {}) => {
  const { headers, properties } = unpack(wire(pack(new Headers(entries), own)))
  return { entries: headers.entries, properties }
}

describe('headers and properties of any type', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(headerEntries(), properties(), (entries, own) => {
        expect(through(entries, own)).toEqual({ entries, properties: own })
      }),
      { numRuns: effort(3_000) },
    )
  })

  it('come back one value at a time', () => {
    fc.assert(
      fc.property(headerValue(), value => {
        expect(through([['x', value]]).entries).toEqual([['x', value]])
      }),
      { numRuns: effort(3_000) },
    )
  })

  it.each<[string, HeaderValue]>([
    ['int64 beyond 2^53', 9_007_199_254_740_993n],
    ['timestamp', new Typed('timestamp', 1_795_000_000n)],
    ['decimal with trailing zeros', new Typed('decimal', { places: 3, digits: 1_500 })],
    ['decimal below one', new Typed('decimal', { places: 4, digits: -5 })],
    ['long string that is not UTF-8', new Typed('text', Buffer.from([0xff, 0x41]))],
    ['bytes that happen to be text', Buffer.from('text')],
    ['text that looks like a number', '42'],
    ['void', null],
    ['negative zero', -0],
    ['double that is whole', new Typed('double', 3)],
    ['not a number', new Typed('float', Number.NaN)],
    ['table with every trap', { __proto__: null, a: [1, 2n, null, 'x'], b: { c: Buffer.from('y') }, '': true }],
    ['empty array', []],
  ])('%s', (_, value) => {
    expect(through([['x', value]]).entries).toEqual([['x', value]])
  })
})

describe('a list of a stranger', () => {
  it('goes out as it came in: names, bytes, nulls, order', () => {
    fc.assert(
      fc.property(carriedList(), list => {
        const { headers, properties } = unpack(list)
        expect(wire(pack(headers, properties))).toEqual(list)
      }),
      { numRuns: effort(3_000) },
    )
  })

  it('gives properties from headers of their names, wherever they stand', () => {
    const list: [string, Buffer | null][] = [
      ['trace', Buffer.from('1')],
      ['content-type', Buffer.from('text/plain')],
      ['message-id', Buffer.from('m')],
      ['message-id', Buffer.from('n')],
    ]
    const { headers, properties } = unpack(list)
    expect(properties).toEqual({ contentType: 'text/plain', messageId: 'm' })
    expect(headers.get('message-id')).toBe('n')
  })

  it('keeps its other headers when a note is hostile', () => {
    const hostile = fc.oneof(
      fc.string(),
      fc.constantFrom(
        'a=I',
        'a={I',
        'a=]',
        'a=F;a=F',
        '!',
        'a~0=I',
        'a=A',
        'a=x;;',
        '%=I',
        'a=D',
        `a=${'['.repeat(5_000)}`,
      ),
      fc.constant(`a=${'{'.repeat(200)}`),
    )
    fc.assert(
      fc.property(
        hostile,
        fc.oneof(fc.string({ unit: 'grapheme' }), fc.json(), fc.constant('['.repeat(5_000))),
        (note, value) => {
          const { headers } = unpack([
            ['a', Buffer.from(value)],
            ['b', Buffer.from('other')],
            ['sluice-types', Buffer.from(note)],
          ])
          expect(headers.get('b')).toBe('other')
          expect(headers.entries[0]![0]).toBe('a')
          pack(headers, {})
        },
      ),
      { numRuns: effort(2_000) },
    )
  })

  it('keeps its headers when the places of properties are hostile', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.constantFrom('message-id@999999', 'message-id@0,message-id@1')), note => {
        const headers = new Headers([
          ['a', 'x'],
          ['sluice-places', note],
        ])
        const names = pack(headers, { messageId: 'm' }).map(([name]) => name)
        expect(names.sort()).toEqual(['a', 'message-id'])
      }),
    )
  })
})

describe('what is natural', () => {
  it('costs no note: text, null, bytes that are no text, properties', () => {
    const headers = new Headers([
      ['user', 'ada'],
      ['gone', null],
      ['raw', Buffer.from([0xff])],
    ])
    expect(pack(headers, { messageId: 'm', deliveryMode: 2, timestamp: 5n })).toEqual([
      ['message-id', 'm'],
      ['amqp-delivery-mode', '2'],
      ['amqp-timestamp', '5'],
      ['user', 'ada'],
      ['gone', null],
      ['raw', Buffer.from([0xff])],
    ])
  })

  it('stays readable with a note: numbers and tables are text', () => {
    const headers = new Headers([
      ['retries', 3],
      ['big', 2n ** 60n],
      ['death', [{ queue: 'q', count: 1n }]],
    ])
    expect(pack(headers, {})).toEqual([
      ['retries', '3'],
      ['big', '1152921504606846976'],
      ['death', '[{"queue":"q","count":1}]'],
      ['sluice-types', 'retries=I;big=l;death=[{Sl}]'],
    ])
  })

  it('carries the subject and the key where the carrier has no place for them', () => {
    const packed = wire(pack(Headers.EMPTY, {}, { subject: 'order.created', key: Buffer.from([0xff]) }))
    expect(unpack(packed)).toMatchObject({ subject: 'order.created', key: Buffer.from([0xff]), properties: {} })
  })
})

it('refuses headers that are nested without end, instead of overflowing', () => {
  let value: HeaderValue = 1
  for (let i = 0; i < 5_000; i++) value = [value]
  expect(() => pack(new Headers([['deep', value]]), {})).toThrow(SluiceError)
})
