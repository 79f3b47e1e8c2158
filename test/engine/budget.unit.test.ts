import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Budget } from '../../src/engine/budget.ts'

const signal = () => new AbortController().signal

/** Whether the wait has ended by now. */
async function ended(wait: Promise<void>): Promise<boolean> {
  let over = false
  void wait.then(() => {
    over = true
  })
  await turn()
  return over
}

describe('the memory budget', () => {
  test('holds back a route that holds all of it, until it gives something back', async () => {
    const budget = new Budget(100)
    const share = budget.share()
    share.take(100)
    const wait = share.room(signal())
    expect(await ended(wait)).toBe(false)
    share.give(1)
    expect(await ended(wait)).toBe(true)
    expect(budget.used).toBe(99)
  })

  test('lets a message larger than itself pass alone', async () => {
    const share = new Budget(100).share()
    expect(await ended(share.room(signal()))).toBe(true)
    share.take(5_000)
    const wait = share.room(signal())
    expect(await ended(wait)).toBe(false)
    share.give(5_000)
    expect(await ended(wait)).toBe(true)
  })

  // Was: one route whose target was down for the night held all of it, and every other route stood still in silence.
  test('lets every route go on, whatever the others hold', async () => {
    const budget = new Budget(100)
    const [greedy, modest] = [budget.share(), budget.share()]
    greedy.take(10_000)
    for (let n = 0; n < 5; n++) {
      expect(await ended(modest.room(signal()))).toBe(true)
      modest.take(10)
      modest.give(10)
    }
    expect(await ended(greedy.room(signal()))).toBe(false)
  })

  test('wakes another route that waits when something is given back', async () => {
    const budget = new Budget(100)
    const [a, b] = [budget.share(), budget.share()]
    a.take(60)
    b.take(40)
    const wait = b.room(signal())
    expect(await ended(wait)).toBe(false)
    a.give(60)
    expect(await ended(wait)).toBe(true)
  })

  test('ends a wait at the abort, and leaves no waiter behind', async () => {
    const budget = new Budget(100)
    const share = budget.share()
    share.take(200)
    const abort = new AbortController()
    const wait = share.room(abort.signal)
    expect(await ended(wait)).toBe(false)
    abort.abort()
    expect(await ended(wait)).toBe(true)
    expect(await ended(share.room(abort.signal))).toBe(true)
  })

  test('has back all of a route that ended, and counts nothing of it later', async () => {
    const budget = new Budget(100)
    const [gone, other] = [budget.share(), budget.share()]
    gone.take(1_000)
    other.take(60)
    const wait = other.room(signal())
    expect(await ended(wait)).toBe(false)
    gone.close()
    expect(await ended(wait)).toBe(true)
    gone.give(1_000)
    gone.take(5)
    expect(budget.used).toBe(60)
  })

  test('never holds more than its limit and a batch of each route, and nobody waits for ever (property)', async () => {
    const steps = fc.array(fc.record({ route: fc.nat(3), bytes: fc.integer({ min: 1, max: 40 }) }), { maxLength: 60 })
    await fc.assert(
      fc.asyncProperty(steps, async list => {
        const budget = new Budget(100)
        const shares = Array.from({ length: 4 }, () => budget.share())
        const held: (() => void)[] = []
        let done = 0
        const routes = shares.map(async (share, route) => {
          for (const step of list) {
            if (step.route !== route) continue
            await share.room(signal())
            share.take(step.bytes)
            expect(budget.used).toBeLessThanOrEqual(100 + 4 * 40)
            held.push(() => share.give(step.bytes))
          }
          done++
        })
        while (done < 4) {
          await turn()
          held.shift()?.()
        }
        await Promise.all(routes)
        for (const give of held) give()
        expect(budget.used).toBe(0)
      }),
      { numRuns: 50 },
    )
  })
})
