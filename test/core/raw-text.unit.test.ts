import fc from 'fast-check'
import { expect, it } from 'vitest'
import { bytesOfText, textOfBytes } from '../../src/core/raw-text.ts'
import { effort } from '../effort.ts'

// Beginnings, middles and ends of characters, put together in any way.
const mixed = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 3 }).map(all => Buffer.from(all)),
      fc.string({ unit: 'grapheme', maxLength: 3 }).map(text => Buffer.from(text)),
      fc
        .constantFrom('c3', 'e282', 'f09f90', 'eda080', 'edb080', 'c080', 'f4908080', 'efbfbd')
        .map(hex => Buffer.from(hex, 'hex')),
    ),
    { maxLength: 8 },
  )
  .map(parts => Buffer.concat(parts))

it('any bytes come back from their text', () => {
  fc.assert(
    fc.property(mixed, bytes => {
      expect(bytesOfText(textOfBytes(bytes))).toEqual(bytes)
    }),
    { numRuns: effort(5_000) },
  )
})

it('different bytes have different texts', () => {
  fc.assert(
    fc.property(mixed, mixed, (a, b) => {
      expect(textOfBytes(a) === textOfBytes(b)).toBe(a.equals(b))
    }),
    { numRuns: effort(5_000) },
  )
})

it('text is text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), text => {
      expect(textOfBytes(Buffer.from(text))).toBe(text)
      expect(bytesOfText(text)).toEqual(Buffer.from(text))
    }),
  )
})

it('reads a part of a buffer', () => {
  expect(textOfBytes(Buffer.from([0x41, 0xff, 0x42, 0x43]), 1, 3)).toBe('\udcffB')
})

it('writes a surrogate that no byte made as Node does', () => {
  expect(bytesOfText('a\ud800b\udc00')).toEqual(Buffer.from('a\ufffdb\ufffd'))
})
