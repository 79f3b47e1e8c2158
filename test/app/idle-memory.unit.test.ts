import { getHeapSpaceStatistics } from 'node:v8'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { giveBack, IdleMemory } from '../../src/app/idle-memory.ts'

const MiB = 2 ** 20

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A process of 200 MiB, 50 of which a collection gives back. */
function lab() {
  const lab = { received: 0, rss: 200 * MiB, heapUsed: 60 * MiB, collections: 0 }
  const idle = new IdleMemory({
    received: () => lab.received,
    memory: () => lab,
    collect() {
      lab.collections++
      lab.rss = 150 * MiB
    },
  })
  return Object.assign(lab, { idle })
}

const seconds = (s: number) => vi.advanceTimersByTime(s * 1000)

test('memory is given back after half a minute without messages, once', () => {
  const it = lab()
  using _ = it.idle
  seconds(29)
  expect(it.collections).toBe(0)
  seconds(1)
  expect(it.collections).toBe(1)
  seconds(3600)
  expect(it.collections).toBe(1)
})

test('not while messages flow; again when it has grown and they have stopped', () => {
  const it = lab()
  using _ = it.idle
  for (let n = 0; n < 20; n++) {
    it.received += 1_000
    seconds(15)
  }
  expect(it.collections).toBe(0)
  seconds(30)
  expect(it.collections).toBe(1)
  it.rss += 10 * MiB
  seconds(60)
  expect(it.collections, 'hardly grown').toBe(1)
  it.rss += 10 * MiB
  seconds(60)
  expect(it.collections).toBe(2)
})

test('a trickle of messages is as good as none; fewer than before, for a route has gone, are many', () => {
  const it = lab()
  using _ = it.idle
  it.received = 99
  seconds(15)
  it.received = 198
  seconds(15)
  expect(it.collections).toBe(1)
  it.rss += 50 * MiB
  for (let n = 0; n < 4; n++) {
    it.received = n % 2 === 0 ? 0 : 5_000
    seconds(15)
  }
  expect(it.collections).toBe(1)
})

test('a large heap is left alone: it is in use, and its collection would take long', () => {
  const it = lab()
  using _ = it.idle
  it.heapUsed = 300 * MiB
  seconds(300)
  expect(it.collections).toBe(0)
})

test('what is disposed looks no more', () => {
  const it = lab()
  it.idle[Symbol.dispose]()
  seconds(300)
  expect(it.collections).toBe(0)
})

const young = () => getHeapSpaceStatistics().find(space => space.space_name === 'new_space')!.space_size

test("V8's young generation is what is given back", () => {
  // It grows when much survives its collections.
  let kept: object[] = []
  for (let n = 0; n < 3_000_000 && young() < 16 * MiB; n++) {
    kept.push({ n, text: `n${n}` })
    if (kept.length > 20_000) kept = kept.slice(10_000)
  }
  const before = young()
  expect(before).toBeGreaterThanOrEqual(16 * MiB)
  kept = []
  giveBack()
  expect(young()).toBeLessThanOrEqual(before / 4)
})
