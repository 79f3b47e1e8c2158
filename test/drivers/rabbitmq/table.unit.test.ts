import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SluiceError } from '../../../src/core/errors.ts'
import { type HeaderValue, Typed } from '../../../src/core/header-value.ts'
import type { HeaderEntry } from '../../../src/core/headers.ts'
import { decodeTable, MAX_DEPTH } from '../../../src/drivers/rabbitmq/table-decode.ts'
import { TableEncoder } from '../../../src/drivers/rabbitmq/table-encode.ts'
import { effort } from '../../effort.ts'
import { headerTables, headerValue } from './arbitrary.ts'

const encoder = new TableEncoder()

/** Without its length, as a header frame hands it over. */
const encode = (entries: readonly HeaderEntry[]) => Buffer.from(encoder.encode(entries).subarray(4))
const short = (text: string) => Buffer.concat([Buffer.from([Buffer.byteLength(text)]), Buffer.from(text)])
const long = (tag: string, bytes: Buffer) => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([Buffer.from(tag), length, bytes])
}

describe('header tables', () => {
  it('come back with order, names and exact types', () => {
    fc.assert(
      fc.property(headerTables(), entries => {
        expect(decodeTable(encode(entries))).toEqual(entries)
      }),
      { numRuns: effort(1000) },
    )
  })

  it.each<[string, HeaderValue, string]>([
    ['int8', new Typed('int8', -128), '0161' + '62' + '80'],
    ['uint8', new Typed('uint8', 255), '0161' + '42' + 'ff'],
    ['int16', new Typed('int16', -2), '0161' + '73' + 'fffe'],
    ['uint16', new Typed('uint16', 65_535), '0161' + '75' + 'ffff'],
    ['int32', 7, '0161' + '49' + '00000007'],
    ['uint32', new Typed('uint32', 4_294_967_295), '0161' + '69' + 'ffffffff'],
    ['int64', 2n ** 62n, '0161' + '6c' + '4000000000000000'],
    ['float', new Typed('float', 0.5), '0161' + '66' + '3f000000'],
    ['double', 0.5, '0161' + '64' + '3fe0000000000000'],
    ['whole double', new Typed('double', 1), '0161' + '64' + '3ff0000000000000'],
    ['decimal', new Typed('decimal', { places: 2, digits: 314 }), '0161' + '44' + '02' + '0000013a'],
    ['timestamp', new Typed('timestamp', 1n), '0161' + '54' + '0000000000000001'],
    ['true', true, '0161' + '74' + '01'],
    ['void', null, '0161' + '56'],
    ['text', 'é', '0161' + '53' + '00000002' + 'c3a9'],
    ['text that is no UTF-8', new Typed('text', Buffer.from([0xff])), '0161' + '53' + '00000001' + 'ff'],
    ['bytes', Buffer.from([0, 1]), '0161' + '78' + '00000002' + '0001'],
    ['list', [1, 'x'], '0161' + '41' + '0000000b' + '4900000001' + '5300000001' + '78'],
    ['table', tableOf({ b: true }), '0161' + '46' + '00000004' + '0162' + '7401'],
  ])('writes and reads %s as RabbitMQ spells it', (_, value, hex) => {
    expect(encode([['a', value]]).toString('hex')).toBe(hex)
    expect(decodeTable(Buffer.from(hex, 'hex'))).toEqual([['a', value]])
  })

  it.each<HeaderValue>([
    new Typed('int8', 1),
    new Typed('uint8', 2),
    new Typed('int16', 3),
    new Typed('uint16', 4),
    5,
    new Typed('uint32', 6),
    7n,
    new Typed('float', 0.5),
    0.5,
    new Typed('double', 8),
    new Typed('decimal', { places: 1, digits: 9 }),
    new Typed('timestamp', 10n),
    true,
    null,
    'text',
    new Typed('text', Buffer.from([0xff])),
    Buffer.from([0xff]),
    [new Typed('int8', 1)],
    tableOf({ b: new Typed('int8', 1) }),
  ])('grows under any value: %o', value => {
    // Whichever byte of it is the first that the encoder's 4 KiB have no room for.
    for (let length = 4060; length <= 4100; length++) {
      const entries: HeaderEntry[] = [
        ['padding', Buffer.alloc(length)],
        ['a', value],
      ]
      expect(decodeTable(new TableEncoder().encode(entries).subarray(4))).toEqual(entries)
    }
  })

  it('keeps a name that occurs twice, and one that JavaScript reserves', () => {
    const bytes = Buffer.concat([short('a'), Buffer.from('V'), short('a'), Buffer.from('V')])
    expect(decodeTable(bytes)).toEqual([
      ['a', null],
      ['a', null],
    ])
    const nested = decodeTable(
      Buffer.concat([short('t'), long('F', Buffer.concat([short('__proto__'), Buffer.from('V')]))]),
    )
    expect(Object.keys(nested[0]![1] as object)).toEqual(['__proto__'])
    expect(Object.getPrototypeOf(nested[0]![1])).toBe(null)
  })

  it('keeps text with replacement characters apart from bytes that are no text', () => {
    const [entry] = decodeTable(encode([['a', 'a\ufffdb']]))
    expect(entry).toEqual(['a', 'a\ufffdb'])
  })
})

describe('hostile header tables are HEADERS_INVALID, never a crash', () => {
  const invalid = (bytes: Buffer) => {
    const thrown = (() => {
      try {
        decodeTable(bytes)
      } catch (error) {
        return error
      }
    })()
    expect(thrown).toBeInstanceOf(SluiceError)
    expect((thrown as SluiceError).code).toBe('HEADERS_INVALID')
  }

  it('truncated anywhere', () => {
    const whole = encode([
      ['text', 'value'],
      ['list', [1n, [new Typed('decimal', { places: 1, digits: 2 })]]],
      ['table', tableOf({ a: 1.5, b: null })],
    ])
    const ends = new Set([0, whole.length])
    for (const count of [1, 2]) {
      const entries = decodeTable(whole).slice(0, count)
      ends.add(encode(entries).length)
    }
    for (let length = 1; length < whole.length; length++) if (!ends.has(length)) invalid(whole.subarray(0, length))
  })

  it('unknown type', () => invalid(Buffer.concat([short('a'), Buffer.from('Z')])))
  it('length beyond the end', () => invalid(Buffer.concat([short('a'), Buffer.from('S'), Buffer.alloc(4, 0xff)])))
  it('name beyond the end', () => invalid(Buffer.from([255, 97])))
  it('list beyond its table', () => {
    const table = Buffer.concat([short('l'), Buffer.from('A'), Buffer.from([0, 0, 0, 100]), Buffer.from('V')])
    invalid(Buffer.concat([short('t'), long('F', table), Buffer.alloc(200)]))
  })

  it('nested a thousand deep, as tables and as lists', () => {
    let tables = Buffer.from('V')
    let lists = Buffer.from('V')
    for (let i = 0; i < 1000; i++) {
      tables = long('F', Buffer.concat([short('a'), tables]))
      lists = long('A', lists)
    }
    invalid(Buffer.concat([short('a'), tables]))
    invalid(Buffer.concat([short('a'), lists]))
  })

  it('any bytes at all', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        try {
          decodeTable(Buffer.from(bytes))
        } catch (error) {
          expect((error as SluiceError).code).toBe('HEADERS_INVALID')
        }
      }),
      { numRuns: effort(5000) },
    )
  })

  it('a list of a hundred thousand nothings is read', () => {
    const [entry] = decodeTable(Buffer.concat([short('a'), long('A', Buffer.alloc(100_000, 'V'))]))
    expect((entry![1] as unknown[]).length).toBe(100_000)
  })
})

describe('what AMQP cannot carry is HEADERS_INVALID and names the header', () => {
  it.each<[string, HeaderValue]>([
    ['int64 too large', 2n ** 63n],
    ['int8 too large', new Typed('int8', 128)],
    ['int16 with a fraction', new Typed('int16', 1.5)],
    ['negative uint32', new Typed('uint32', -1)],
    ['negative timestamp', new Typed('timestamp', -1n)],
    ['negative decimal', new Typed('decimal', { places: 0, digits: -1 })],
    ['not a number', Number.NaN],
    ['a float without end', new Typed('float', Number.NEGATIVE_INFINITY)],
    ['text without bytes', new Typed('text', 3)],
    ['int32 of bytes', new Typed('int32', Buffer.alloc(4))],
  ])('%s', (_, value) => {
    expect(() => encode([['the-header', value]])).toThrow(expect.objectContaining({ code: 'HEADERS_INVALID' }))
    expect(() => encode([['the-header', value]])).toThrow(/the-header/)
  })

  it('a name of a hundred thousand bytes', () => {
    expect(() => encode([['n'.repeat(100_000), null]])).toThrow(/longer than AMQP's 255 bytes/)
    expect(() => encode([['é'.repeat(200), null]])).toThrow(/longer than AMQP's 255 bytes/)
  })

  it('nesting beyond the limit', () => {
    let value: HeaderValue = null
    for (let i = 0; i < MAX_DEPTH + 1; i++) value = [value]
    expect(() => encode([['deep', value]])).toThrow(/nested more than/)
  })

  it('and the encoder goes on after an error', () => {
    expect(() => encode([['a', 2n ** 70n]])).toThrow()
    fc.assert(
      fc.property(headerValue(), value => {
        expect(decodeTable(encode([['v', value]]))).toEqual([['v', value]])
      }),
      { numRuns: effort(50) },
    )
  })
})

function tableOf(fields: Record<string, HeaderValue>): HeaderValue {
  return Object.assign(Object.create(null), fields)
}
