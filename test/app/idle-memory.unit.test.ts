import { getHeapSpaceStatistics } from 'node:v8'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { giveBack, IdleMemory, letYoungGrow } from '../../src/app/idle-memory.ts'

const MiB = 2 ** 20

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A process of 200 MiB, 50 of which a collection gives back. */
function lab() {
  const lab = { received: 0, rss: 200 * MiB, heapUsed: 60 * MiB, collections: 0, growth: [] as boolean[] }
  const idle = new IdleMemory({
    received: () => lab.received,
    memory: () => lab,
    collect() {
      lab.collections++
      lab.rss = 150 * MiB
    },
    letGrow: grow => lab.growth.push(grow),
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

test('at rest the young generation stays small; it may grow within a second of messages, and after the end', () => {
  const it = lab()
  const idle = it.idle
  seconds(30)
  expect(it.growth).toEqual([false])
  it.received += 99
  seconds(1)
  expect(it.growth).toEqual([false])
  it.received += 1
  seconds(1)
  expect(it.growth).toEqual([false, true])
  it.rss += 50 * MiB
  seconds(45)
  expect(it.growth).toEqual([false, true, false])
  idle[Symbol.dispose]()
  expect(it.growth).toEqual([false, true, false, true])
})

const young = () => getHeapSpaceStatistics().find(space => space.space_name === 'new_space')!.space_size

/** The young generation grows when much survives its collections. */
function survive(until: number, most = 3_000_000): number {
  let kept: object[] = []
  for (let n = 0; n < most && young() < until; n++) {
    kept.push({ n, text: `n${n}` })
    if (kept.length > 20_000) kept = kept.slice(10_000)
  }
  return young()
}

test("V8's young generation is what is given back, and what stays small", () => {
  const before = survive(16 * MiB)
  expect(before).toBeGreaterThanOrEqual(16 * MiB)
  giveBack()
  const small = young()
  expect(small).toBeLessThanOrEqual(before / 4)
  letYoungGrow(false)
  try {
    expect(survive(16 * MiB, 300_000)).toBeLessThanOrEqual(2 * small)
  } finally {
    letYoungGrow(true)
  }
  expect(survive(16 * MiB)).toBeGreaterThanOrEqual(16 * MiB)
})
