import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Watermark } from '../../src/core/watermark.ts'

/** The definition, spelt out: the last position such that it and all opened before it are closed. */
function expected(opened: readonly number[], closed: ReadonlySet<number>): number | undefined {
  let mark: number | undefined
  for (const position of opened) {
    if (!closed.has(position)) break
    mark = position
  }
  return mark
}

describe('the watermark', () => {
  it('moves only when the oldest is closed', () => {
    const watermark = new Watermark()
    for (const position of [5, 6, 9]) watermark.open(position)
    expect(watermark.close(6)).toBe(false)
    expect([watermark.mark, watermark.oldest, watermark.size]).toEqual([undefined, 5, 3])
    expect(watermark.close(5)).toBe(true)
    expect([watermark.mark, watermark.oldest, watermark.size]).toEqual([6, 9, 1])
    expect(watermark.close(9)).toBe(true)
    expect([watermark.mark, watermark.oldest, watermark.size]).toEqual([9, undefined, 0])
  })

  it('tells what is closed beyond the oldest open one; what was never opened in between counts as closed', () => {
    const watermark = new Watermark()
    for (const position of [5, 6, 9, 12, 13, 20, 21]) watermark.open(position)
    for (const position of [6, 9, 13, 20]) watermark.close(position)
    expect(watermark.closedBeyond()).toEqual([
      { from: 6, to: 10 },
      { from: 13, to: 21 },
    ])
    watermark.close(5)
    expect(watermark.closedBeyond()).toEqual([{ from: 13, to: 21 }])
    for (const position of [12, 21]) watermark.close(position)
    expect(watermark.closedBeyond()).toEqual([])
  })

  it('refuses a position that is not after the last', () => {
    const watermark = new Watermark()
    watermark.open(5)
    expect(() => watermark.open(5)).toThrow(RangeError)
    expect(() => watermark.open(4)).toThrow(RangeError)
  })

  it('ignores what it does not know', () => {
    const watermark = new Watermark()
    expect(watermark.close(1)).toBe(false)
    watermark.open(5)
    watermark.open(10)
    for (const stranger of [0, 4, 6, 7, 11, 1e9, Number.NaN]) expect(watermark.close(stranger)).toBe(false)
    expect(watermark.mark).toBeUndefined()
  })

  it('is what its definition says, whatever is opened and closed when (property)', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('open' as const), gap: fc.integer({ min: 1, max: 3 }) }),
      fc.record({ kind: fc.constant('close' as const), pick: fc.nat() }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), steps => {
        const watermark = new Watermark()
        const opened: number[] = []
        const closed = new Set<number>()
        let next = 0
        for (const one of steps) {
          const before = expected(opened, closed)
          if (one.kind === 'open') {
            next += one.gap
            opened.push(next)
            watermark.open(next)
          } else if (opened.length > 0) {
            const position = opened[one.pick % opened.length]!
            closed.add(position)
            const after = expected(opened, closed)
            expect(watermark.close(position)).toBe(before !== after)
          }
          const mark = expected(opened, closed)
          expect(watermark.mark).toBe(mark)
          expect(watermark.oldest).toBe(opened.find(position => mark === undefined || position > mark))
          expect(watermark.size).toBe(opened.filter(position => mark === undefined || position > mark).length)
        }
      }),
    )
  })

  it('keeps its room when a long run moves through it', () => {
    const watermark = new Watermark()
    for (let position = 0; position < 100_000; position++) {
      watermark.open(position)
      if (position >= 50) watermark.close(position - 50)
    }
    expect([watermark.mark, watermark.size]).toEqual([99_949, 50])
  })
})
