import { describe, expect, it } from 'vitest'
import { Attempts } from '../../../src/drivers/kafka/attempts.ts'

const IN_FLIGHT = 10
const read = (note: string) => new Attempts(note, IN_FLIGHT)

describe('deliveries counted in the note of a commit', () => {
  it('begin at 1 without a note, or with somebody else’s', () => {
    for (const note of [
      '',
      'mine',
      'sluice:',
      'sluice:0:5',
      'sluice:-1:5',
      'sluice:1:x',
      'sluice:1:5:2',
      'sluice:1:5:0@3',
      `sluice:1:${'9'.repeat(17)}`,
    ])
      expect(read(note).of(3)).toBe(1)
  })

  it('grow with each disorderly end, for what may have been out, until they are suspects', () => {
    let attempts = read('')
    for (const life of [1, 2, 3, 4, 4, 4]) {
      expect(attempts.of(100)).toBe(life)
      expect(attempts.of(109)).toBe(life)
      expect(attempts.of(110)).toBe(1)
      attempts = read(attempts.outNote(100))
    }
  })

  it('of suspects grow only for the one that was out alone, and are forgotten behind it', () => {
    let attempts = read('sluice:3:110')
    for (const life of [4, 5, 6]) {
      expect([attempts.of(101), attempts.of(102), attempts.of(103)]).toEqual([4, life, 4])
      attempts.alone(101)
      attempts.alone(102)
      attempts = read(attempts.outNote(102))
    }
    // A life that ended before it came to any of them.
    attempts = read(attempts.outNote(102))
    expect(attempts.of(102)).toBe(7)
    attempts = read(attempts.outNote(103))
    expect([attempts.of(102), attempts.of(103)]).toEqual([4, 4])
  })

  it('of a suspect stay with an orderly end', () => {
    const attempts = read('sluice:3:110:6@102')
    attempts.alone(102)
    expect(read(attempts.endNote(102)).of(102)).toBe(7)
    expect(attempts.endNote(110)).toBe('')
    expect(read('sluice:1:50:6@102').of(102)).toBe(7)
  })

  it('stay with the rest of what was out when the commit moves, and are forgotten behind it', () => {
    const second = read(read('').outNote(100))
    const third = read(second.outNote(105))
    expect([third.of(105), third.of(109), third.of(110)]).toEqual([3, 3, 1])
    const beyond = read(second.outNote(110))
    expect([beyond.of(110), beyond.of(119), beyond.of(120)]).toEqual([2, 2, 1])
  })

  it('do not grow with an orderly end', () => {
    const third = read(read(read('').outNote(100)).outNote(100))
    expect(read(third.endNote(100)).of(100)).toBe(3)
    expect(third.endNote(110)).toBe('')
  })
})
