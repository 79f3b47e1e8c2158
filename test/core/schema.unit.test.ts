import fc from 'fast-check'
import { Check } from 'typebox/value'
import { describe, expect, it } from 'vitest'
import { bytes, Duration, milliseconds, perSecond, Rate, Size } from '../../src/core/schema.ts'

const accepts = (schema: object, text: string): boolean => Check(schema, text)

describe('durations', () => {
  it.each([
    ['0', 0],
    ['250ms', 250],
    ['1.5s', 1_500],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
  ])('%s is %d ms', (text, ms) => {
    expect(accepts(Duration(), text)).toBe(true)
    expect(milliseconds(text)).toBe(ms)
  })

  it.each(['', '5', '5 s', '-5s', '5S', 's', '1..5s', '5s5m'])('%j is none', text => {
    expect(accepts(Duration(), text)).toBe(false)
  })

  it('are read wherever the schema takes them (property)', () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom('ms', 's', 'm', 'h', 'd'), (n, unit) => {
        expect(accepts(Duration(), `${n}${unit}`)).toBe(true)
        expect(milliseconds(`${n}${unit}`)).toBeGreaterThanOrEqual(n)
      }),
    )
  })
})

describe('sizes and rates', () => {
  it.each([
    ['10B', 10],
    ['1KiB', 1_024],
    ['1.5MiB', 1_572_864],
    ['2GiB', 2 ** 31],
    ['1KB', 1_000],
    ['0.5B', 0],
  ])('%s is %d bytes', (text, size) => {
    expect(accepts(Size(), text)).toBe(true)
    expect(bytes(text)).toBe(size)
  })

  it.each([
    ['500/s', 500],
    ['120/m', 2],
    ['3600/h', 1],
  ])('%s is %d per second', (text, rate) => {
    expect(accepts(Rate(), text)).toBe(true)
    expect(perSecond(text)).toBe(rate)
  })

  it.each([
    [milliseconds, 'soon'],
    [bytes, '5 apples'],
    [perSecond, '5/y'],
  ])('what is none is an error that shows the form', (read, text) => {
    expect(() => read(text)).toThrow(`"${text}" is not a`)
  })
})
