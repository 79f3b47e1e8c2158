import { describe, expect, test } from 'vitest'
import { EventTime } from '../../src/engine/event-time.ts'

describe('event time', () => {
  test('stands where the slowest sequence stands, less the lateness', () => {
    const time = new EventTime(10, 1_000)
    expect(time.limit(0)).toBe(Number.POSITIVE_INFINITY)
    time.saw('a', 100, 0)
    time.saw('b', 50, 0)
    expect(time.limit(0)).toBe(40)
    time.saw('b', 200, 1)
    time.saw('a', 20, 1)
    expect(time.limit(1)).toBe(90)
  })

  test('does not wait for a sequence that is idle; where all are, nothing more is expected', () => {
    const time = new EventTime(0, 1_000)
    time.saw('a', 100, 0)
    time.saw('b', 50, 500)
    expect(time.limit(999)).toBe(50)
    time.saw('a', 101, 999)
    expect(time.limit(1_500)).toBe(101)
    expect(time.limit(2_000)).toBe(Number.POSITIVE_INFINITY)
  })

  test('is late by its own sequence alone, until that begins again', () => {
    const time = new EventTime(10, 1_000)
    time.saw('a', 100, 0)
    expect([time.passed('a', 90), time.passed('a', 91), time.passed('b', 1)]).toEqual([true, false, false])
    time.rewind('a')
    expect(time.passed('a', 90)).toBe(false)
    time.saw('a', 100, 0)
    time.clear()
    expect(time.passed('a', 90)).toBe(false)
  })

  test('is kept for so many sequences, those heard of last', () => {
    const time = new EventTime(0, 1e9)
    for (let n = 0; n <= 10_000; n++) time.saw(`s${n}`, 100, n)
    expect(time.passed('s0', 100)).toBe(false)
    expect(time.passed('s1', 100)).toBe(true)
    expect(time.passed('s10000', 100)).toBe(true)
  })
})
