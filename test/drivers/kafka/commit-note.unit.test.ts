import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Range } from '../../../src/core/watermark.ts'
import { commitNote, LONGEST_NOTE, readNote } from '../../../src/drivers/kafka/commit-note.ts'

/** Stretches of unsettled and settled records in turn, behind `offset`. */
function ranges(offset: number, stretches: readonly (readonly [number, number])[]): Range[] {
  const found: Range[] = []
  let at = offset
  for (const [unsettled, settled] of stretches) {
    found.push({ from: at + unsettled, to: at + unsettled + settled })
    at += unsettled + settled
  }
  return found
}

const arbitrary = fc.record({
  offset: fc.nat({ max: 2 ** 40 }),
  attempts: fc.constantFrom('', 'sluice:1:20', 'sluice:2:20:4@7'),
  stretches: fc.array(fc.tuple(fc.integer({ min: 1, max: 3_000 }), fc.integer({ min: 1, max: 3_000 })), {
    maxLength: 50,
  }),
})

describe('the note beside a committed offset', () => {
  test('says again what it was told', () => {
    fc.assert(
      fc.property(arbitrary, ({ offset, attempts, stretches }) => {
        const settled = ranges(offset, stretches)
        expect(readNote(offset, commitNote(offset, { attempts, settled }))).toEqual({ attempts, settled })
      }),
    )
  })

  test('is that of the attempts where nothing is settled ahead, as before there were others', () => {
    expect(commitNote(7, { attempts: 'sluice:1:20', settled: [] })).toBe('sluice:1:20')
    expect(readNote(7, 'sluice:1:20')).toEqual({ attempts: 'sluice:1:20', settled: [] })
    expect(readNote(7, '')).toEqual({ attempts: '', settled: [] })
  })

  test('of somebody else says nothing about what is settled', () => {
    for (const text of ['checkpoint 7', ';', ';x12', ';r!', 'a;b;rAB', 'ü;rAB'])
      expect(readNote(7, text).settled, text).toEqual([])
  })

  test.each([
    ['every other record of a long span', 20_000, 1, 1],
    ['few records of an endless span', 10 ** 10, 1, Math.floor(10 ** 10 / 600) - 1],
  ])('fits into what Kafka takes: %s', (_, span, unsettled, settled) => {
    const stretches = Array.from(
      { length: Math.floor(span / (unsettled + settled)) },
      () => [unsettled, settled] as const,
    )
    const told = ranges(10 ** 12, stretches.slice(0, Math.max(600, 20_000 / 2)))
    const note = commitNote(10 ** 12, { attempts: 'sluice:999999:1000000000000:999999@1000000000000', settled: told })
    expect(note.length).toBeLessThanOrEqual(LONGEST_NOTE)
    expect(readNote(10 ** 12, note).settled).toEqual(told)
  })
})
