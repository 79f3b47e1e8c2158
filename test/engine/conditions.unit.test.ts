import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { SluiceError } from '../../src/core/errors.ts'
import { Conditions } from '../../src/engine/conditions.ts'
import { Notes } from './lab.ts'

beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) }))
afterEach(() => void vi.useRealTimers())

const lost = (text = 'gone') => new SluiceError('CONNECTION_LOST', text)
const denied = new SluiceError('ACCESS_DENIED', 'no permission')

function rig() {
  const log = new Notes()
  const conditions = new Conditions('orders', log)
  conditions.phase('running')
  return { conditions, log }
}

describe('the conditions of a route', () => {
  test('say what stands in the way, what to do, and since when; the log says it once', () => {
    const { conditions, log } = rig()
    conditions.raise('target', lost())
    vi.advanceTimersByTime(30_000)
    conditions.raise('target', lost())
    expect(conditions.state).toBe('holding')
    expect(conditions.list).toEqual([
      {
        part: 'target',
        code: 'CONNECTION_LOST',
        message: 'gone',
        hint: expect.stringContaining('reconnects'),
        since: '2026-01-01T00:00:00.000Z',
      },
    ])
    conditions.clear('target')
    expect(conditions.state).toBe('running')
    expect(log.lines).toEqual(['route orders holds: target: gone', 'route orders: target is back after 30 s'])
  })

  test('a reason that came among too many lines is logged when it still holds later', () => {
    const { conditions, log } = rig()
    for (const text of ['a', 'b', 'c', 'd', 'e', 'what lasts']) conditions.raise('target', lost(text))
    expect(log.lines).toHaveLength(5)
    vi.advanceTimersByTime(10_001)
    conditions.raise('target', lost('what lasts'))
    conditions.raise('target', lost('what lasts'))
    expect(log.lines.slice(5)).toEqual(['route orders holds: target: what lasts'])
  })

  test('are blocked when an operator has to act, whatever else there is', () => {
    const { conditions, log } = rig()
    conditions.raise('source', lost())
    conditions.raise('target', denied)
    expect(conditions.state).toBe('blocked')
    conditions.clear('target')
    expect(conditions.state).toBe('holding')
    expect(log.lines[1]).toBe('route orders is blocked: target: no permission')
  })

  test('are logged again when the reason changes, and keep their beginning', () => {
    const { conditions, log } = rig()
    conditions.raise('target', lost())
    vi.advanceTimersByTime(5_000)
    conditions.raise('target', denied)
    expect(log.lines.length).toBe(2)
    expect(conditions.list[0]).toMatchObject({ code: 'ACCESS_DENIED', since: '2026-01-01T00:00:00.000Z' })
  })

  test('of a part that comes and goes do not fill the log, and the next long one is in it again', () => {
    const { conditions, log } = rig()
    for (let n = 0; n < 500; n++) {
      conditions.raise('target', lost(`${n}`))
      conditions.clear('target')
      vi.advanceTimersByTime(10)
    }
    expect(log.lines.length).toBe(10)
    vi.advanceTimersByTime(11_000)
    conditions.raise('target', lost('long'))
    expect(log.lines.at(-1)).toContain('long')
  })

  test('of a message leave the route running, and are told', () => {
    const { conditions, log } = rig()
    conditions.raise('message', new SluiceError('TOO_LARGE', 'message m7 blocks its key: too large'))
    expect(conditions.state).toBe('running')
    expect(conditions.list[0]?.part).toBe('message')
    conditions.clear('message')
    expect(log.lines).toEqual([
      'route orders goes on, but message m7 blocks its key: too large',
      'route orders: no message blocks its key any more, after 0 s',
    ])
  })

  test('of a full window stop the route', () => {
    const { conditions, log } = rig()
    conditions.raise('target', denied)
    conditions.raise('window', new SluiceError('DEAD_LETTER_WINDOW', 'too many'))
    expect(conditions.state).toBe('stopped')
    expect(log.lines.at(-1)).toBe('route orders has stopped: window: too many')
  })

  // Was: one place for both, and a source that was well wiped out that the target was blocked.
  test('of the two ends are kept apart', () => {
    const { conditions } = rig()
    conditions.report('target', 'blocked', 'low on disk')
    conditions.report('source', 'ok')
    expect(conditions.list).toMatchObject([{ part: 'target broker', message: 'low on disk' }])
    conditions.report('target', 'ok')
    expect(conditions.list).toEqual([])
  })

  test('go forward only: what drains does not run again, what ended does not drain', () => {
    const { conditions } = rig()
    conditions.phase('draining')
    conditions.phase('running')
    expect(conditions.state).toBe('draining')
    conditions.phase('ended')
    conditions.phase('draining')
    expect(conditions.state).toBe('ended')
  })

  test('know whether what is in flight can get out', () => {
    const { conditions } = rig()
    conditions.raise('source', lost())
    conditions.report('source', 'waiting')
    expect(conditions.dammed).toBe(false)
    conditions.raise('dedup', new SluiceError('STORE_AWAY', 'x'))
    expect(conditions.dammed).toBe(true)
  })
})
