import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Store } from '../../src/core/ports.ts'
import { StoreModel } from './store-model.ts'

export interface Clock {
  /** Milliseconds; whole and never going back. */
  now: number
}

/** How the suite gets a store: empty, with room for `maxKeys`, and reading the time from `clock`. */
export interface StoreUnderTest {
  readonly label: string
  /** Runs of the property; a store that writes to a disk takes longer to open. */
  readonly runs: number
  open(maxKeys: number, clock: Clock): Promise<Store>
}

const LEASE = 60_000
const WINDOW = 600_000
const keys = (count: number, name = 'k') => Array.from({ length: count }, (_, i) => `${name}-${i}`)

/** What every dedup store does, whatever it is made of. */
export function storeSuite({ label, runs, open }: StoreUnderTest): void {
  const opened = async (maxKeys = 1_000) => {
    const clock: Clock = { now: 1_000_000 }
    return { store: await open(maxKeys, clock), clock }
  }

  describe(`${label}: two phases`, () => {
    it('a key is fresh once, then held, then done after it was confirmed', async () => {
      const { store } = await opened()
      await using _ = store
      expect(await store.claim(['a'], LEASE)).toEqual(['fresh'])
      expect(await store.claim(['a'], LEASE)).toEqual(['held'])
      await store.confirm(['a'], WINDOW)
      expect(await store.claim(['a'], LEASE)).toEqual(['done'])
    })

    it('a key that was forgotten is fresh again: a failed delivery is not a delivery', async () => {
      const { store } = await opened()
      await using _ = store
      await store.claim(['a'], LEASE)
      await store.forget(['a'])
      expect(await store.claim(['a'], LEASE)).toEqual(['fresh'])
    })

    it('a claim alone remembers nothing: after the lease the key is fresh', async () => {
      const { store, clock } = await opened()
      await using _ = store
      await store.claim(['a'], LEASE)
      clock.now += LEASE - 1
      expect(await store.claim(['a'], LEASE)).toEqual(['held'])
      clock.now += 1
      expect(await store.claim(['a'], LEASE)).toEqual(['fresh'])
    })

    it('a confirmation after the lease still counts', async () => {
      const { store, clock } = await opened()
      await using _ = store
      await store.claim(['a'], LEASE)
      clock.now += LEASE * 2
      await store.confirm(['a'], WINDOW)
      expect(await store.claim(['a'], LEASE)).toEqual(['done'])
    })

    it('a confirmation without a claim counts too', async () => {
      const { store } = await opened()
      await using _ = store
      await store.confirm(['a', 'a'], WINDOW)
      expect(await store.claim(['a', 'b'], LEASE)).toEqual(['done', 'fresh'])
    })

    it('forgetting does not undo a confirmation', async () => {
      const { store } = await opened()
      await using _ = store
      await store.confirm(['a'], WINDOW)
      await store.forget(['a'])
      expect(await store.claim(['a'], LEASE)).toEqual(['done'])
    })

    it('many keys at once are answered in their order, a repeated one once', async () => {
      const { store } = await opened()
      await using _ = store
      await store.confirm(['d'], WINDOW)
      await store.claim(['h'], LEASE)
      expect(await store.claim(['f', 'd', 'h', 'f', 'g'], LEASE)).toEqual(['fresh', 'done', 'held', 'held', 'fresh'])
    })

    it('of two claims made at once, one is fresh', async () => {
      const { store } = await opened()
      await using _ = store
      const answers = await Promise.all(Array.from({ length: 10 }, () => store.claim(['a'], LEASE)))
      expect(answers.flat().filter(answer => answer === 'fresh')).toHaveLength(1)
    })

    it('nothing to do is no error', async () => {
      const { store } = await opened()
      await using _ = store
      expect(await store.claim([], LEASE)).toEqual([])
      await store.confirm([], WINDOW)
      await store.forget([])
      await store.forget(['never seen'])
    })
  })

  describe(`${label}: the window`, () => {
    it('by time: a key is done until its window is over', async () => {
      const { store, clock } = await opened()
      await using _ = store
      await store.confirm(['a'], WINDOW)
      clock.now += WINDOW - 1
      expect(await store.claim(['a'], LEASE)).toEqual(['done'])
      clock.now += 1
      expect(await store.claim(['a'], LEASE)).toEqual(['fresh'])
    })

    it('by count: the oldest goes first, and exactly one for each that comes', async () => {
      const { store } = await opened(3)
      await using _ = store
      await store.confirm(['a', 'b', 'c'], WINDOW)
      await store.confirm(['a'], WINDOW)
      await store.confirm(['d'], WINDOW)
      expect(await store.claim(['a', 'b', 'c', 'd'], LEASE)).toEqual(['done', 'fresh', 'done', 'done'])
    })

    it('by count: never lets go of a claim', async () => {
      const { store } = await opened(2)
      await using _ = store
      await store.claim(keys(10), LEASE)
      await store.confirm(keys(50, 'other'), WINDOW)
      expect(new Set(await store.claim(keys(10), LEASE))).toEqual(new Set(['held']))
    })

    it('keeps up with many times as many keys as it remembers', async () => {
      const { store, clock } = await opened(5_000)
      await using _ = store
      for (let round = 0; round < 60; round++) {
        const batch = keys(500, `r${round}`)
        expect(new Set(await store.claim(batch, LEASE))).toEqual(new Set(['fresh']))
        await store.confirm(batch, WINDOW)
        clock.now += 10
      }
      expect(new Set(await store.claim(keys(500, 'r59'), LEASE))).toEqual(new Set(['done']))
      expect(new Set(await store.claim(keys(500, 'r50'), LEASE))).toEqual(new Set(['done']))
      expect(new Set(await store.claim(keys(500, 'r49'), LEASE))).toEqual(new Set(['fresh']))
    })
  })

  describe(`${label}: keys`, () => {
    it.each([
      ['empty', ''],
      ['very long', 'x'.repeat(1_000_000)],
      ['with a NUL', 'a\0b'],
      ['not ASCII', 'žluťoučký 🐴'],
      ['half a surrogate pair', '\ud800'],
      ['quotes and percent', `'"%_--;`],
      ['__proto__', '__proto__'],
    ])('%s', async (_, key) => {
      const { store } = await opened()
      await using _store = store
      const others = ['a', 'a\0', 'x'.repeat(999_999), '\ud801', '\ufffd']
      await store.claim(others, LEASE)
      await store.confirm(others, WINDOW)
      expect(await store.claim([key, key], LEASE)).toEqual(['fresh', 'held'])
      await store.confirm([key], WINDOW)
      expect(await store.claim([key], LEASE)).toEqual(['done'])
    })
  })

  describe(`${label}: against the model`, () => {
    const some = fc.array(fc.constantFrom(...'abcdefgh'), { maxLength: 5 })
    const step = fc.oneof(
      fc.record({ kind: fc.constant('claim' as const), some, ms: fc.constantFrom(5, 50) }),
      fc.record({ kind: fc.constant('confirm' as const), some, ms: fc.constant(40) }),
      fc.record({ kind: fc.constant('forget' as const), some, ms: fc.constant(0) }),
      fc.record({ kind: fc.constant('wait' as const), some, ms: fc.integer({ min: 1, max: 30 }) }),
    )

    it('answers the same, whatever is done in whatever order (property)', async () => {
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 60 }), async (most, steps) => {
          const clock: Clock = { now: 1_000 }
          await using store = await open(most, clock)
          const model = new StoreModel(most)
          for (const { kind, some: chosen, ms } of steps) {
            if (kind === 'wait') clock.now += ms
            else if (kind === 'claim') expect(await store.claim(chosen, ms)).toEqual(model.claim(chosen, ms, clock.now))
            else if (kind === 'confirm') {
              await store.confirm(chosen, ms)
              model.confirm(chosen, ms, clock.now)
            } else {
              await store.forget(chosen)
              model.forget(chosen)
            }
          }
        }),
        { numRuns: runs },
      )
    })
  })
}
