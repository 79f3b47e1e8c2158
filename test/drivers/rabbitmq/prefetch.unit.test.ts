import { describe, expect, it } from 'vitest'
import { Prefetch } from '../../../src/drivers/rabbitmq/prefetch.ts'

const limits = { count: 5000, bytes: 1_000_000, fixed: undefined, adaptable: true }

describe('the prefetch', () => {
  it('begins with what may be in flight, within the protocol', () => {
    expect(new Prefetch(limits).current).toBe(5000)
    expect(new Prefetch({ ...limits, count: 1_000_000 }).current).toBe(65_535)
    expect(new Prefetch({ ...limits, fixed: 10_000 }).current).toBe(5000)
    expect(new Prefetch({ ...limits, adaptable: false }).current).toBe(256)
  })

  it('shrinks to what fits the bytes', () => {
    const prefetch = new Prefetch(limits)
    expect(prefetch.shrinks(10, 1_000_000, 0)).toBe(false)
    expect(prefetch.shrinks(11, 1_100_000, 0)).toBe(true)
    expect(prefetch.current).toBe(7)
  })

  it('never below one, and not for one message', () => {
    const prefetch = new Prefetch(limits)
    expect(prefetch.shrinks(1, 9_000_000, 0)).toBe(false)
    expect(prefetch.shrinks(2, 18_000_000, 0)).toBe(true)
    expect(prefetch.current).toBe(1)
  })

  it('stays as configured, and where the channel cannot be opened anew', () => {
    expect(new Prefetch({ ...limits, fixed: 100 }).shrinks(100, 9_000_000, 0)).toBe(false)
    expect(new Prefetch({ ...limits, adaptable: false }).shrinks(100, 9_000_000, 0)).toBe(false)
  })

  it('grows again when messages have become smaller, not at once and only where it is worth it', () => {
    const prefetch = new Prefetch(limits)
    expect(prefetch.wanted(1e9)).toBe(undefined)
    prefetch.shrinks(11, 1_100_000, 0)
    prefetch.observe(1000, 1_000_000)
    expect(prefetch.wanted(1000)).toBe(undefined)
    expect(prefetch.wanted(31_000)).toBe(700)
    expect(prefetch.wanted(31_001)).toBe(undefined)
    prefetch.grow(700)
    expect(prefetch.wanted(62_000)).toBe(undefined)
  })
})
