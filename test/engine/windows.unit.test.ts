import { describe, expect, test } from 'vitest'
import { hash } from '../../src/drivers/memory/stored.ts'
import { until } from './lab.ts'
import { at, bodyOf, header, kept, send, started, told, window } from './window-lab.ts'

describe('windows by event time', () => {
  test('count per key in order, and acknowledge when the aggregate is confirmed', async () => {
    const { lab, gateway, status } = started({ transform: [window()] })
    send(lab, 'a', 0, 1, 4.999)
    send(lab, 'b', 2)
    await until('held', () => status().inFlight === 4)
    expect(kept(lab)).toEqual([])
    send(lab, 'a', 5, 9, 10)
    await until('two windows of a, one of b', () => kept(lab).length === 3)
    expect(told(lab, 'a')).toEqual([
      [at(0), 3],
      [at(5), 2],
    ])
    expect(told(lab, 'b')).toEqual([[at(0), 1]])
    await until('acked', () => status().inFlight === 1)
    await gateway.stop(5_000)
    expect(bodyOf(kept(lab).at(-1)!)).toEqual({ key: 'a', start: at(10), end: at(15), count: 1 })
    expect(lab.here.contents('in')).toEqual([])
    expect(lab.here.ledger?.settledTwice()).toEqual([])
  })

  test('say of themselves what they are', async () => {
    const { lab } = started({ transform: [window()] })
    send(lab, 'a', 0, 5)
    await until('one window', () => kept(lab).length === 1)
    const [aggregate] = kept(lab)
    expect(aggregate?.headers.entries.filter(([name]) => name.startsWith('sluice-window'))).toEqual([
      ['sluice-window-start', at(0)],
      ['sluice-window-end', at(5)],
      ['sluice-window-count', 1],
      ['sluice-window-pane', 0],
      ['sluice-window-closed', 'time'],
    ])
    expect(String(header(aggregate, 'sluice-hops'))).toMatch(/^orders@[^,]+$/)
    expect(aggregate?.timestamp).toBe(4_999)
    expect(aggregate?.properties).toMatchObject({ messageId: `orders/a/${at(0)}`, contentType: 'application/json' })
  })

  test('wait for lateness, and take what comes in that time', async () => {
    const { lab, status } = started({ transform: [window({ lateness: '3s' })] })
    send(lab, 'a', 1, 6, 4, 7.999)
    await until('held', () => status().inFlight === 4)
    expect(kept(lab)).toEqual([])
    send(lab, 'a', 8)
    await until('one window', () => kept(lab).length === 1)
    expect(told(lab, 'a')).toEqual([[at(0), 2]])
  })

  test('close when nothing more comes, and count what comes after all in a further pane', async () => {
    const { lab, status } = started({ transform: [window({ idle: '50ms' })] })
    send(lab, 'a', 1, 2)
    await until('idle', () => status().inFlight === 0 && kept(lab).length === 1)
    expect(header(kept(lab)[0], 'sluice-window-closed')).toBe('idle')
    send(lab, 'a', 3)
    await until('another pane', () => kept(lab).length === 2)
    expect(told(lab, 'a')).toEqual([
      [at(0), 2],
      [`${at(0)}/1`, 1],
    ])
    expect(kept(lab).map(stored => header(stored, 'sluice-window-pane'))).toEqual([0, 1])
  })

  test('a late message is counted and acknowledged', async () => {
    const { lab, status, metric } = started({ transform: [window()] })
    send(lab, 'a', 1, 6)
    await until('closed', () => kept(lab).length === 1)
    send(lab, 'a', 2)
    await until('only the open window is left', () => status().received === 3 && status().inFlight === 1)
    expect(told(lab, 'a')).toEqual([[at(0), 1]])
    expect(kept(lab, 'dead')).toEqual([])
    expect(await metric('sluice_late_total')).toEqual(['sluice_late_total{route="orders"} 1'])
  })

  test('or dead-lettered', async () => {
    const { lab } = started({ transform: [window({ late: 'deadLetter' })] })
    send(lab, 'a', 1, 6)
    await until('closed', () => kept(lab).length === 1)
    send(lab, 'a', 2)
    await until('dead-lettered', () => kept(lab, 'dead').length === 1)
    const [letter] = kept(lab, 'dead')
    expect(letter?.id).toBe('m2')
    expect(header(letter, 'sluice-dead-reason')).toBe('LATE')
    expect(header(letter, 'sluice-dead-message')).toBe(`the message is of ${at(2)}, and its window has closed`)
  })

  test('a copy of what was counted in time is not late', async () => {
    const { lab, status, metric } = started({ transform: [window({ late: 'deadLetter' })] })
    // So slowly that it is noticed long before the tenth time, which would be taken for a crash loop.
    lab.here.faults.set({ redeliver: 1, ackMs: 20 })
    send(lab, 'a', 1, 6)
    await until('it came again, and was settled', async () => {
      lab.here.faults.set({ redeliver: lab.here.ledger!.deliveries.length > 4 ? 0 : 1 })
      const copies = await metric('sluice_deduplicated_total')
      return kept(lab).length > 0 && status().inFlight === 1 && copies[0]?.endsWith(' 0') === false
    })
    expect(told(lab, 'a')).toEqual([[at(0), 1]])
    expect(kept(lab, 'dead')).toEqual([])
  })

  // Partitions are read at different speeds: an hour ahead in one must not make the others late.
  test('a partition that is far ahead makes nothing late in another', async () => {
    const { lab, status, metric } = started({ transform: [window()] }, { from: 'log' })
    const keys = ['a', 'b', 'c', 'd', 'e', 'f']
    const [ahead] = keys
    const behind = keys.filter(key => hash(key) % 3 !== hash(ahead!) % 3)
    expect(behind.length).toBeGreaterThan(1)
    send(lab, ahead!, 40, 46)
    await until('it is ahead', () => told(lab, ahead!).length === 1)
    for (const second of [10, 16, 22]) for (const key of behind) send(lab, key, second)
    await until('all are here', () => status().received === 2 + 3 * behind.length)
    // The slower ones are waited for, also by what is ahead.
    send(lab, ahead!, 52)
    await until('two windows of each', () => behind.every(key => told(lab, key).length === 2))
    for (const key of behind) expect(told(lab, key).map(([id]) => id)).toEqual([at(10), at(15)])
    expect(await metric('sluice_late_total')).toEqual(['sluice_late_total{route="orders"} 0'])
    expect(told(lab, ahead!).length).toBe(1)
  })

  test('a message of the far future is poison by itself', async () => {
    const { lab } = started({ transform: [window()] })
    lab.send({ id: 'future', key: 'a', timestamp: Date.now() + 86_400_000 })
    send(lab, 'a', 1, 6)
    await until('the window, and the letter', () => kept(lab).length === 1 && kept(lab, 'dead').length === 1)
    expect(kept(lab, 'dead').map(({ id }) => id)).toEqual(['future'])
    expect(String(header(kept(lab, 'dead')[0], 'sluice-dead-message'))).toContain('has not come yet')
  })
})

describe('windows by processing time', () => {
  test('close by the clock, every message in exactly one', async () => {
    const { lab, status } = started({ transform: [window({ every: '100ms', time: 'processing' })] })
    for (let n = 0; n < 20; n++) {
      lab.send({ key: 'a', timestamp: 0 })
      await new Promise(resolve => setTimeout(resolve, 15))
    }
    await until('all left', () => status().inFlight === 0)
    const counts = kept(lab).map(stored => Number(bodyOf(stored)['count']))
    expect(counts.length).toBeGreaterThan(1)
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(20)
    expect(new Set(kept(lab).map(({ id }) => id)).size).toBe(counts.length)
    expect(new Set(kept(lab).map(stored => header(stored, 'sluice-window-closed')))).toEqual(new Set(['time']))
  })
})
