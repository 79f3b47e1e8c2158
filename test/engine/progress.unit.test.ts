import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { SluiceError } from '../../src/core/errors.ts'
import type { Source } from '../../src/core/ports.ts'
import type { RouteState } from '../../src/engine/conditions.ts'
import { Progress } from '../../src/engine/progress.ts'
import { type RouteMetrics, Telemetry } from '../../src/engine/telemetry.ts'
import { never, sourceOf } from './scripted.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function rig(lag: Source['lag']) {
  const metrics: RouteMetrics = new Telemetry().route('orders')
  const standing = { state: 'running' as RouteState, inFlight: 0, heldLanes: 0 }
  const pace = { pacing: false }
  const errors: SluiceError[] = []
  const progress = new Progress(metrics, () => standing)
  const source = sourceOf(async function* () {}, lag === undefined ? {} : { lag })
  const watch = progress.watch(source, pace, error => errors.push(error))
  const minutes = (count: number) => vi.advanceTimersByTimeAsync(count * 60_000 + 6_000)
  return { metrics, standing, pace, errors, progress, watch, minutes }
}

describe('the watch over a source', () => {
  test('tells that it is stuck: lag, nothing in the way, nothing received for a minute', async () => {
    const { errors, minutes } = rig(async () => 7)
    await vi.advanceTimersByTimeAsync(55_000)
    expect(errors).toEqual([])
    await minutes(1)
    expect(errors[0]?.code).toBe('SOURCE_STUCK')
    expect(errors[0]?.message).toContain('7 messages')
  })

  test.each<[string, (r: ReturnType<typeof rig>) => void, number | undefined]>([
    ['there is no lag', () => {}, 0],
    ['the lag is not known', () => {}, undefined],
    ['the route holds', r => void (r.standing.state = 'holding'), 5],
    ['a key waits for another attempt', r => void (r.standing.heldLanes = 1), 5],
    ['something is in flight', r => void (r.standing.inFlight = 1), 5],
    // Was: a route of 20 messages an hour was rebuilt every minute, and after two the process was taken for dead.
    ['the route waits for its own rate', r => void (r.pace.pacing = true), 5],
  ])('says nothing while %s', async (_, arrange, lag) => {
    const r = rig(async () => lag)
    arrange(r)
    await r.minutes(10)
    expect(r.errors).toEqual([])
  })

  test('says nothing while another reader may have all of it', async () => {
    const progress = new Progress(new Telemetry().route('orders'), () => ({
      state: 'running',
      inFlight: 0,
      heldLanes: 0,
    }))
    const errors: SluiceError[] = []
    const source = { ...sourceOf(async function* () {}, { lag: async () => 7 }), standingBy: true }
    progress.watch(source, { pacing: false }, error => errors.push(error))
    await vi.advanceTimersByTimeAsync(600_000)
    expect([errors, progress.stuck, progress.lag]).toEqual([[], false, 7])
  })

  test('says nothing while messages come', async () => {
    const { errors, metrics } = rig(async () => 5)
    for (let n = 0; n < 20; n++) {
      metrics.took(1, 1)
      await vi.advanceTimersByTimeAsync(30_000)
    }
    expect(errors).toEqual([])
  })

  test('keeps the lag it was told', async () => {
    let lag = 5
    const { progress } = rig(async () => lag)
    await vi.advanceTimersByTimeAsync(5_000)
    expect(progress.lag).toBe(5)
    lag = 3
    await vi.advanceTimersByTimeAsync(5_000)
    expect(progress.lag).toBe(3)
  })

  test.each<[string, () => Promise<number>]>([
    ['fails', () => Promise.reject(new Error('no'))],
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    // Was: the last lag known was shown for ever.
    ['hangs', () => never()],
  ])('knows no lag any more when asking for it %s', async (_, later) => {
    let calls = 0
    const { progress, errors, minutes } = rig(() => (++calls === 1 ? Promise.resolve(5) : later()))
    await vi.advanceTimersByTimeAsync(5_000)
    expect(progress.lag).toBe(5)
    await vi.advanceTimersByTimeAsync(15_000)
    expect(progress.lag).toBeUndefined()
    await minutes(3)
    expect(errors).toEqual([])
    expect(calls).toBeGreaterThan(3)
  })

  test('leaves no timer behind', async () => {
    const { watch } = rig(() => never())
    await vi.advanceTimersByTimeAsync(5_000)
    watch.stop()
    await vi.advanceTimersByTimeAsync(0)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('liveness', () => {
  test('ends when nothing moves although there is lag and something is in flight: the target hangs', async () => {
    const { progress, standing, errors, minutes } = rig(async () => 5)
    standing.inFlight = 3
    await minutes(1)
    expect(progress.stuck).toBe(false)
    await minutes(1)
    expect(progress.stuck).toBe(true)
    expect(errors).toEqual([])
  })

  test('comes back with the first message', async () => {
    const { progress, standing, metrics, minutes } = rig(async () => 5)
    standing.inFlight = 3
    await minutes(3)
    metrics.took(1, 1)
    expect(progress.stuck).toBe(false)
  })
})
