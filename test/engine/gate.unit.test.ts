import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { SluiceError } from '../../src/core/errors.ts'
import { Gate } from '../../src/engine/gate.ts'

const BACKOFF = { initial: 100, max: 5_000, factor: 2, jitter: 0 }
const lost = (text = 'gone') => new SluiceError('CONNECTION_LOST', text)

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function gate(probe: (signal: AbortSignal) => Promise<void> = async () => {}) {
  const told: string[] = []
  const abort = new AbortController()
  const wakes: string[] = []
  const made = new Gate(
    { backoff: BACKOFF, probe, changed: (state, error) => told.push(error === undefined ? state : error.code) },
    abort.signal,
  )
  made.onOpen(() => wakes.push(made.state))
  return { gate: made, told, wakes, abort }
}

describe('a gate', () => {
  test('closes at an endpoint error, lets one through after a good probe, and opens when that one did well', async () => {
    const { gate: one, told, wakes } = gate()
    one.close(lost())
    expect(one.state).toBe('closed')
    await vi.advanceTimersByTimeAsync(99)
    expect(one.state).toBe('closed')
    await vi.advanceTimersByTimeAsync(1)
    expect(one.state).toBe('probing')
    one.succeed()
    expect(one.state).toBe('open')
    expect(told).toEqual(['CONNECTION_LOST', 'open'])
    expect(wakes).toEqual(['probing', 'open'])
  })

  test('waits longer after each failure, and from the beginning after it had opened', async () => {
    let probes = 0
    let up = false
    const { gate: one } = gate(async () => {
      probes++
      if (!up) throw lost()
    })
    const probesAfter = async (ms: number) => {
      await vi.advanceTimersByTimeAsync(ms)
      return probes
    }
    one.close(lost())
    expect(await probesAfter(100)).toBe(1)
    expect(await probesAfter(199)).toBe(1)
    expect(await probesAfter(1)).toBe(2)
    expect(await probesAfter(400)).toBe(3)
    up = true
    await probesAfter(800)
    one.succeed()
    one.close(lost())
    expect(await probesAfter(100)).toBe(5)
  })

  test('waits for its longest time at most, through an outage of ten minutes', async () => {
    let probes = 0
    const { gate: one, told } = gate(async () => {
      probes++
      throw lost()
    })
    one.close(lost())
    await vi.advanceTimersByTimeAsync(600_000)
    expect(probes).toBeGreaterThan(600_000 / 5_000 - 5)
    expect(told).toEqual(['CONNECTION_LOST'])
  })

  test('that fails while one is let through closes again, with a longer wait', async () => {
    const { gate: one } = gate()
    one.close(lost())
    await vi.advanceTimersByTimeAsync(100)
    one.close(lost())
    expect(one.state).toBe('closed')
    await vi.advanceTimersByTimeAsync(199)
    expect(one.state).toBe('closed')
    await vi.advanceTimersByTimeAsync(1)
    expect(one.state).toBe('probing')
  })

  // Found by the property of random faults: every tenth confirm lost, and the route went slower and slower.
  test('does not wait longer and longer for an endpoint that confirms most of what it gets', async () => {
    const { gate: one } = gate()
    for (let n = 0; n < 10; n++) {
      one.close(lost(), true)
      await vi.advanceTimersByTimeAsync(100)
      expect(one.state).toBe('probing')
    }
  })

  test('waits as long as the endpoint asks', async () => {
    const { gate: one } = gate()
    one.close(new SluiceError('UNAVAILABLE', 'later', { retryAfterMs: 30_000 }))
    await vi.advanceTimersByTimeAsync(29_999)
    expect(one.state).toBe('closed')
    await vi.advanceTimersByTimeAsync(1)
    expect(one.state).toBe('probing')
  })

  test('tells each new reason once: lost, then refused, then lost again', async () => {
    const reasons = ['AUTH_FAILED', 'AUTH_FAILED', 'CONNECTION_LOST'] as const
    let at = 0
    const { gate: one, told } = gate(async () => {
      const code = reasons[at++]
      if (code !== undefined) throw new SluiceError(code, 'no')
    })
    one.close(new SluiceError('CONNECTION_LOST', 'no'))
    await vi.advanceTimersByTimeAsync(10_000)
    one.succeed()
    expect(told).toEqual(['CONNECTION_LOST', 'AUTH_FAILED', 'CONNECTION_LOST', 'open'])
  })

  test('says the real reason, also when a call that was merely given up ended first', () => {
    const { gate: one, told } = gate()
    one.close(new SluiceError('ABORTED', 'the sink was closed'))
    one.close(new SluiceError('ACCESS_DENIED', 'no permission'))
    one.close(new SluiceError('ABORTED', 'the sink was closed'))
    one.close(lost())
    expect(told).toEqual(['ABORTED', 'ACCESS_DENIED'])
    expect(one.error?.code).toBe('ACCESS_DENIED')
  })

  test('never probes twice at once, and not at all after the abort', async () => {
    let probes = 0
    const { gate: one, abort } = gate(async () => {
      probes++
      throw lost()
    })
    one.close(lost('a'))
    one.close(lost('b'))
    await vi.advanceTimersByTimeAsync(100)
    expect(probes).toBe(1)
    abort.abort()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(probes).toBe(1)
    expect(vi.getTimerCount()).toBe(0)
    one.close(lost('c'))
    expect(vi.getTimerCount()).toBe(0)
  })
})
