import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { backoffDelay, sleep } from '../../src/engine/backoff.ts'
import { Lanes } from '../../src/engine/lanes.ts'
import { Nudge } from '../../src/engine/nudge.ts'
import { within } from '../../src/engine/patience.ts'
import { RateLimit } from '../../src/engine/rate.ts'
import { Sleepers } from '../../src/engine/sleepers.ts'
import { never } from './scripted.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const MONTH = 30 * 86_400_000
const open = () => new AbortController().signal

describe('the wait between two attempts', () => {
  const options = { initial: 100, max: 30_000, factor: 2, jitter: 0.2 }

  test('grows by its factor, up to its longest', () => {
    const waits = Array.from({ length: 12 }, (_, n) => backoffDelay(options, n + 1, () => 0.5))
    expect(waits.slice(0, 5)).toEqual([100, 200, 400, 800, 1_600])
    expect(waits.at(-1)).toBe(30_000)
    expect(backoffDelay(options, 1_000_000, () => 0.5)).toBe(30_000)
  })

  test('is spread by its jitter and never above its longest or below 1 ms (property)', () => {
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 100 }),
        random,
        fc.integer({ min: 0, max: 50_000 }),
        (attempt, x, initial) => {
          const wait = backoffDelay({ ...options, initial }, attempt, () => x)
          const middle = Math.min(30_000, initial * 2 ** (Math.max(attempt, 1) - 1))
          expect(wait).toBeGreaterThanOrEqual(Math.max(1, middle * 0.8 - 1e-6))
          expect(wait).toBeLessThanOrEqual(Math.max(1, Math.min(30_000, middle * 1.2 + 1e-6)))
        },
      ),
    )
  })
})

// Node fires a timer beyond 2^31 - 1 ms at once: `backoff: { max: 30d }` or a rate of 1/h and less was a busy loop.
describe('a wait of a month', () => {
  test('of a route waits', async () => {
    let over = false
    void sleep(MONTH, open()).then(() => {
      over = true
    })
    await vi.advanceTimersByTimeAsync(86_400_000)
    expect(over).toBe(false)
  })

  test('of a lane waits', async () => {
    let woken = 0
    new Sleepers().sleep(new Lanes().of('k'), MONTH, () => woken++)
    await vi.advanceTimersByTimeAsync(86_400_000)
    expect(woken).toBe(0)
  })

  test('for the next message of a rate waits', async () => {
    const rate = new RateLimit(1 / MONTH)
    expect(await rate.take(1, open())).toBe(1)
    let granted = 0
    void rate.take(1, open()).then(count => {
      granted = count
    })
    await vi.advanceTimersByTimeAsync(86_400_000)
    expect(granted).toBe(0)
    expect(vi.getTimerCount()).toBe(1)
  })
})

describe('every wait ends at the abort, at once, and leaves nothing behind', () => {
  test.each<[string, (signal: AbortSignal) => Promise<unknown>]>([
    ['sleep', signal => sleep(1e6, signal)],
    ['a nudge', signal => new Nudge().wait(1e6, signal)],
    [
      'a rate',
      async signal => {
        const rate = new RateLimit(0.001)
        await rate.take(1, signal)
        return rate.take(1, signal)
      },
    ],
    ['patience', signal => within(never(), { ms: 1e6, signal, what: 'waiting' }).catch(() => {})],
  ])('%s', async (_, wait) => {
    const abort = new AbortController()
    const waiting = wait(abort.signal)
    await vi.advanceTimersByTimeAsync(10)
    abort.abort()
    await waiting
    await wait(abort.signal)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a nudge', () => {
  test('wakes everybody who waits', async () => {
    const nudge = new Nudge()
    const waits = [nudge.wait(1e6, open()), nudge.wait(1e6, open())]
    nudge.nudge()
    await Promise.all(waits)
    expect(vi.getTimerCount()).toBe(0)
  })

  // A route that holds for a month looks every second: each look left a waiter behind.
  test('forgets who has waited long enough', async () => {
    vi.useRealTimers()
    const nudge = new Nudge()
    const signal = open()
    const added = vi.spyOn(signal, 'addEventListener')
    const removed = vi.spyOn(signal, 'removeEventListener')
    for (let n = 0; n < 20; n++) await nudge.wait(1, signal)
    // Whom it still wakes would take his listener away once more.
    nudge.nudge()
    expect(removed.mock.calls.length).toBe(added.mock.calls.length)
  })
})

describe('the rate', () => {
  test.each([1, 7, 500, 20_000])('of %i messages a second is kept, counted over a minute', async perSecond => {
    const rate = new RateLimit(perSecond)
    const abort = new AbortController()
    let taken = 0
    const taking = (async () => {
      for (;;) {
        const granted = await rate.take(1_000, abort.signal)
        if (granted === 0) return
        taken += granted
      }
    })()
    await vi.advanceTimersByTimeAsync(60_000)
    abort.abort()
    await taking
    // What was saved up at the beginning: a tenth of a second.
    const burst = Math.max(1, perSecond / 10)
    expect(taken).toBeLessThanOrEqual(perSecond * 60 + burst)
    expect(taken).toBeGreaterThanOrEqual(perSecond * 60 * 0.97 - 1)
  })

  test('saves up no more than a tenth of a second while nobody takes', async () => {
    const rate = new RateLimit(100)
    await vi.advanceTimersByTimeAsync(600_000)
    expect(await rate.take(1_000, open())).toBe(10)
  })
})

describe('patience', () => {
  test('passes on what comes in time', async () => {
    expect(await within(Promise.resolve(5), { ms: 10, what: 'it' })).toBe(5)
    await expect(within(Promise.reject(new Error('no')), { ms: 10, what: 'it' })).rejects.toThrow('no')
    expect(vi.getTimerCount()).toBe(0)
  })

  test('ends, and what comes later disturbs nobody', async () => {
    const late = Promise.withResolvers<number>()
    const outcome = expect(within(late.promise, { ms: 10_000, what: 'opening it' })).rejects.toMatchObject({
      code: 'TIMED_OUT',
      message: 'opening it took longer than 10 s',
    })
    await vi.advanceTimersByTimeAsync(10_000)
    await outcome
    late.reject(new Error('late'))
    await vi.advanceTimersByTimeAsync(0)
  })
})
