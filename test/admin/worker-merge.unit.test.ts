import { expect, it } from 'vitest'
import { GRAVEST, type RouteView } from '../../src/admin/route-schema.ts'
import { mergeHistories, mergeRoute } from '../../src/admin/worker-merge.ts'

const end = (driver: string) => ({ connection: 'c', driver, address: 'queue q' })

const view = (changes: Partial<RouteView> = {}): RouteView => ({
  ...{ name: 'r', state: 'running', conditions: [], from: end('rabbitmq'), to: end('kafka'), deadLetter: null },
  ...{
    transforms: [],
    received: 10,
    settled: 8,
    deadLettered: 1,
    rates: { received: 1.2, settled: 1, deadLettered: 0 },
  },
  ...{
    latency: { p50Ms: 1, p99Ms: 5 },
    lag: 7,
    lagOf: 'group',
    inFlight: 2,
    inFlightLimit: 100,
    heldLanes: 1,
    oldestMs: null,
  },
  ...changes,
})

const merged = (...views: (RouteView | undefined)[]) =>
  mergeRoute(views.map((answer, i) => ({ worker: i + 1, answer, refusal: undefined })))

it('sums what is counted, and takes the longest of what is waited for', () => {
  const slow = view({
    latency: { p50Ms: null, p99Ms: 9 },
    oldestMs: 40,
    rates: { received: 0.1, settled: 0, deadLettered: 0 },
  })
  expect(merged(view(), slow)).toMatchObject({
    ...{ received: 20, settled: 16, deadLettered: 2, rates: { received: 1.3, settled: 1, deadLettered: 0 } },
    ...{ latency: { p50Ms: 1, p99Ms: 9 }, inFlight: 4, inFlightLimit: 200, heldLanes: 2, oldestMs: 40 },
  })
})

it('counts what waits in a queue once, and what waits in partitions of workers together', () => {
  expect(merged(view(), view({ lag: 6 })).lag).toBe(7)
  expect(merged(view({ lagOf: 'gateway' }), view({ lagOf: 'gateway', lag: 6 })).lag).toBe(13)
  expect(merged(view({ lag: null }), view({ lag: null })).lag).toBeNull()
})

it('has the gravest state of all, and says the same reason once', () => {
  const since = (at: string) => ({ part: 'target', code: 'CONNECT_FAILED', message: 'away', hint: 'wait', since: at })
  const [a, b] = ['2026-01-02T00:00:00Z', '2026-01-01T00:00:00Z']
  const route = merged(
    view(),
    view({ state: 'holding', conditions: [since(a)] }),
    view({ state: 'paused', conditions: [since(b)] }),
  )
  expect(route).toMatchObject({ state: 'holding', conditions: [since(b)] })
  for (const state of GRAVEST.slice(0, -2)) expect(merged(view(), view({ state })).state).toBe(state)
})

it('shows a worker that does not answer as one of unknown state', () => {
  const { state, workers, received } = merged(undefined, view())
  expect([state, received, workers]).toMatchObject([
    'running',
    10,
    [
      { worker: 1, state: null },
      { worker: 2, state: 'running' },
    ],
  ])
})

it('lays the newest points of histories together', () => {
  const history = (points: (number | null)[]) => {
    const all = ['received', 'settled', 'deadLettered', 'lag', 'inFlight', 'oldestMs', 'p50Ms', 'p99Ms']
    return { everyMs: 1_000, routes: { r: Object.fromEntries(all.map(name => [name, points])) as never } }
  }
  const { routes } = mergeHistories([history([1, 2, 3]), history([10, null])])
  expect(routes['r']).toMatchObject({ received: [1, 12, 3], oldestMs: [1, 10, 3] })
})
