import { describe, expect, test } from 'vitest'
import { SluiceError } from '../../src/core/errors.ts'
import type { Store, StoreFactory } from '../../src/core/ports.ts'
import { Closed } from '../../src/core/schema.ts'
import { MemoryStore } from '../../src/stores/memory.ts'
import { until } from './lab.ts'
import { forever, Handed, scripted, sourceOf } from './scripted.ts'
import { at, header, kept, send, started, step, told, window } from './window-lab.ts'

describe('a window in a route', () => {
  test('is followed by steps that see the aggregate', async () => {
    const steps = [
      window(),
      step('filter', '${body.count > 1}'),
      step('set', { subject: 'busy', headers: { n: '${body.count}' } }),
    ]
    const { lab, status, metric } = started({ transform: steps })
    send(lab, 'b', 1)
    send(lab, 'a', 1, 2, 6, 11)
    await until('one is left', () => status().received === 5 && status().inFlight === 1)
    expect(kept(lab).map(stored => [stored.key, header(stored, 'n')])).toEqual([['a', 2]])
    expect(await metric('sluice_filtered_total')).toEqual(['sluice_filtered_total{route="orders"} 2'])
    expect(await metric('sluice_delivered_total')).toEqual(['sluice_delivered_total{route="orders"} 2'])
  })

  test('never stands still because the line is full of what it waits for', async () => {
    const { lab, status, metric } = started({ transform: [window({ every: '1h' })], inFlight: 10 })
    for (let n = 0; n < 35; n++) lab.send({ key: `k${n % 2}`, timestamp: n })
    await until('all but the last have left', () => lab.here.contents('in').length < 10)
    expect(header(kept(lab)[0], 'sluice-window-closed')).toBe('crowded')
    expect(lab.log.lines.join('\n')).toMatch(
      /route orders: 2 window\(s\) closed before their time.*raise `inFlight` \(10\)/,
    )
    expect((await metric('sluice_gathered_total'))[0]).toMatch(/route="orders",closed="crowded"} 6/)
    expect(await metric('sluice_held_messages')).toEqual([`sluice_held_messages{route="orders"} ${status().inFlight}`])
  })

  test('held messages do not stand in the way of one that has to go alone', async () => {
    const { lab, status } = started({ transform: [window()] })
    send(lab, 'a', 1)
    await until('held', () => status().inFlight === 1)
    const [first] = lab.here.ledger!.deliveries
    expect(first?.attempt).toBe(1)
    for (let n = 0; n < 4; n++) {
      lab.here.reach.disconnect()
      await until('it comes again', () => lab.here.ledger!.deliveries.length === n + 2)
      await until('it is held again', () => status().inFlight === 1)
    }
    expect(lab.here.ledger!.deliveries.at(-1)!.attempt).toBeGreaterThan(3)
    send(lab, 'a', 2, 6)
    await until('closed', () => kept(lab).length === 1)
    expect(told(lab, 'a')).toEqual([[at(0), 2]])
  })

  test('what expires leaves it, and is counted when it comes again', async () => {
    const { lab, status, metric } = started({ transform: [window()] })
    send(lab, 'a', 1, 2, 3)
    await until('held', () => status().inFlight === 3)
    lab.here.reach.disconnect()
    await until('all came again', () => lab.here.ledger!.deliveries.length === 6 && status().inFlight === 3)
    send(lab, 'a', 6)
    await until('closed', () => kept(lab).length === 1)
    expect(told(lab, 'a')).toEqual([[at(0), 3]])
    expect(await metric('sluice_expired_total')).toEqual(['sluice_expired_total{route="orders"} 3'])
  })

  // A broker without identities: nothing would tell, when it comes again, that it was counted.
  test('leaves behind what has expired in the middle of a session', async () => {
    const batches: (readonly Handed[])[] = []
    let wake = () => {}
    const odd = scripted('odd', {
      source: async () =>
        sourceOf(async function* (signal) {
          while (!signal.aborted) {
            const batch = batches.shift()
            if (batch !== undefined) yield batch
            else await Promise.race([new Promise<void>(resolve => (wake = resolve)), forever(signal)])
          }
        }),
    })
    const { lab, status } = started(
      { from: { connection: 'odd', options: {} }, transform: [window()] },
      { plugins: [odd.plugin], connections: [odd.connection] },
    )
    const [first, second, third] = [1, 2, 6].map(n => new Handed({ id: `m${n}`, key: 'a', timestamp: n * 1_000 }))
    batches.push([first!, second!])
    wake()
    await until('held', () => status().inFlight === 2)
    first!.expired = true
    batches.push([third!])
    wake()
    await until('closed', () => kept(lab).length === 1 && status().inFlight === 1)
    expect(told(lab, 'a')).toEqual([[at(0), 1]])
    expect([first!.acks, second!.acks]).toEqual([0, 1])
    // It comes again, and its partition is not past it.
    batches.push([new Handed({ id: 'm1', key: 'a', timestamp: 1_000, attempt: 2 })])
    wake()
    await until('held', () => status().inFlight === 2)
    batches.push([new Handed({ id: 'm11', key: 'a', timestamp: 11_000 })])
    wake()
    await until('closed', () => kept(lab).length === 3)
    expect(told(lab, 'a')).toEqual([
      [at(0), 1],
      [`${at(0)}/1`, 1],
      [at(5), 1],
    ])
  })

  // The original is held until its window closes, and that waits for what is behind the copy.
  test('goes on behind a copy that dedup has recognised', async () => {
    const dedup = { by: '${id}', window: '1m', count: 100, store: 'memory', options: {} }
    const { lab, status, metric } = started({ transform: [window()], dedup })
    lab.send({ id: 'same', key: 'a', timestamp: 1_000 })
    lab.send({ id: 'same', key: 'a', timestamp: 1_000 })
    lab.send({ key: 'a', timestamp: 6_000 })
    await until('closed', () => kept(lab).length === 1)
    expect(told(lab, 'a')).toEqual([[at(0), 1]])
    await until('the copy is settled', () => status().inFlight === 1)
    expect(await metric('sluice_deduplicated_total')).toEqual(['sluice_deduplicated_total{route="orders"} 1'])
  })

  test('acknowledges nothing that is not remembered', async () => {
    const answer = Promise.withResolvers<void>()
    class Slow extends MemoryStore {
      override async confirm(...args: Parameters<Store['confirm']>) {
        await answer.promise
        return super.confirm(...args)
      }
    }
    const slow: StoreFactory = { name: 'slow', schema: Closed({}), open: async (_, { maxKeys }) => new Slow(maxKeys) }
    const { lab, status } = started(
      { transform: [window({ store: { name: 'slow', options: {} } })] },
      { plugins: [{ name: 'slow', stores: [slow] }] },
    )
    send(lab, 'a', 1, 2, 6)
    await until('published', () => kept(lab).length === 1)
    await new Promise(resolve => setTimeout(resolve, 20))
    expect(status().inFlight).toBe(3)
    expect(lab.here.unsettled('in')).toBe(3)
    answer.resolve()
    await until('acknowledged', () => lab.here.unsettled('in') === 1)
  })

  test('holds while its store is away, and says so', async () => {
    let away = true
    class Moody extends MemoryStore {
      override async claim(...args: Parameters<Store['claim']>) {
        if (away) throw new SluiceError('STORE_AWAY', 'the disk is full')
        return super.claim(...args)
      }
    }
    const moody: StoreFactory = {
      name: 'moody',
      schema: Closed({}),
      open: async (_, { maxKeys }) => new Moody(maxKeys),
    }
    const { lab, status } = started(
      { transform: [window({ store: { name: 'moody', options: {} } })] },
      { plugins: [{ name: 'moody', stores: [moody] }] },
    )
    send(lab, 'a', 1, 6)
    await until('it says so', () => status().conditions.length === 1)
    expect(status()).toMatchObject({ state: 'holding', conditions: [{ part: 'window store', code: 'STORE_AWAY' }] })
    away = false
    await until('closed', () => kept(lab).length === 1 && status().state === 'running')
  })
})
