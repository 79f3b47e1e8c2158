import { afterEach, expect, test } from 'vitest'
import type { RouteConfig, StepConfig } from '../../src/config/schema.ts'
import { Lab, route, type Started, until } from './lab.ts'

const all: Started[] = []
afterEach(async () => {
  for (const started of all.splice(0)) await started.kill()
})

function dice(seed: number): (sides: number) => number {
  let state = seed >>> 0
  return sides => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * sides)
  }
}

const MESSAGES = 600
const KEYS = 9

// Transforms that take a while, or not; they tell the lines apart.
const steps = (mark: number): StepConfig[] => [
  { name: 'set', options: { headers: { mark: String(mark) } }, timeout: '10s' },
]

test.each([
  ['queue', 1],
  ['queue', 2],
  ['queue', 3],
  ['log', 4],
  ['log', 5],
] as const)('random reloads through failures lose nothing and keep the order (%s, seed %i)', async (from, seed) => {
  const roll = dice(seed)
  const lab = new Lab({ seed, from, orderedBatch: seed % 2 === 0 })
  lab.there.faults.set({ nack: 0.05, unavailable: 0.03, loseConfirm: 0.02, confirmMs: 4, storeMs: 2 })
  lab.here.faults.set({ breakReceive: 0.01 })
  let current = route({ deadLetter: undefined, retry: { attempts: 1_000_000 }, inFlight: 60 })
  const started = lab.start([current])
  all.push(started)
  let sent = 0
  const change: readonly (() => RouteConfig)[] = [
    () => ({ ...current, transform: steps(roll(1_000)) }),
    () => ({ ...current, batch: { ...current.batch, size: 1 + roll(50) } }),
    () => ({ ...current, inFlight: 20 + roll(100) }),
    () => ({ ...current, rate: roll(2) === 0 ? '5000/s' : undefined }),
    () => ({ ...current, name: `orders-${roll(1_000)}` }),
  ]
  for (let n = 0; n < 30; n++) {
    for (const end = Math.min(MESSAGES, sent + 20); sent < end; sent++) lab.send({ key: `k${sent % KEYS}` })
    if (roll(6) === 0) lab.there.reach.goDown()
    if (roll(8) === 0) lab.here.reach.disconnect()
    const next = change[roll(change.length)]!()
    const reloading = started.reload([next])
    if (roll(2) === 0) await new Promise(resolve => setTimeout(resolve, roll(10)))
    lab.there.reach.comeUp()
    await reloading
    current = next
  }
  lab.there.faults.clear()
  await until('all arrived', () => lab.firsts().length === MESSAGES)
  await until('nothing is in flight', () => started.gateway.status[0]!.inFlight === 0)
  const numbers = lab.firsts().map(id => Number(id.slice(1)))
  for (let key = 0; key < KEYS; key++) {
    const mine = numbers.filter(n => n % KEYS === key)
    expect(mine).toEqual(mine.toSorted((a, b) => a - b))
  }
  expect(lab.here.ledger?.settledTwice().filter(one => new Set(one.calls).size > 1)).toEqual([])
  await started.gateway.stop(1_000)
  expect(started.gateway.openConnections.size).toBe(0)
  expect(lab.here.unsettled('in')).toBe(0)
})
