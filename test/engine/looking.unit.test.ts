import { describe, expect, test } from 'vitest'
import { SluiceError } from '../../src/core/errors.ts'
import type { Delivery } from '../../src/core/ports.ts'
import { Item } from '../../src/engine/item.ts'
import { LatencyCounts, quantile } from '../../src/engine/latency-counts.ts'
import { OnLine } from '../../src/engine/on-line.ts'
import { Pause } from '../../src/engine/pause.ts'
import { RecentErrors } from '../../src/engine/recent-errors.ts'
import { collectGarbage, Lab, route, until } from './lab.ts'

describe('latencies', () => {
  test('give quantiles that are right within their bucket, from microseconds to days', () => {
    for (const seconds of [0, 0.0001, 0.003, 0.25, 1, 42, 3_600, 90_000]) {
      const counts = new LatencyCounts()
      for (let n = 0; n < 100; n++) counts.add(seconds)
      const median = quantile(undefined, counts.look(), 0.5)!
      expect(median, `of ${seconds} s`).toBeGreaterThanOrEqual(seconds / 2)
      expect(median, `of ${seconds} s`).toBeLessThanOrEqual(Math.max(seconds * 2, 0.0001))
    }
  })

  test('are those between two looks', () => {
    const counts = new LatencyCounts()
    for (let n = 0; n < 1_000; n++) counts.add(10)
    const before = counts.look()
    expect(quantile(before, counts.look(), 0.5)).toBeUndefined()
    for (let n = 0; n < 98; n++) counts.add(0.001)
    for (let n = 0; n < 2; n++) counts.add(1)
    expect(quantile(before, counts.look(), 0.5)).toBeLessThan(0.003)
    expect(quantile(before, counts.look(), 0.99)).toBeGreaterThan(0.5)
  })
})

describe('what is on the line', () => {
  const item = (at: number) => new Item({ message: {} } as unknown as Delivery, at)

  test('is known in the order received, the oldest first', () => {
    const line = new OnLine()
    expect(line.first).toBeUndefined()
    const [first, second, third] = [item(1), item(2), item(3)]
    for (const one of [first, second, third]) line.add(one)
    line.remove(second)
    expect(line.list()).toEqual([first, third])
    expect(line.first).toBe(first)
    line.remove(first)
    expect(line.first).toBe(third)
    line.remove(third)
    expect(line.first).toBeUndefined()
  })

  test('behind one that stays for ever is not kept', async () => {
    const line = new OnLine()
    const stays = item(0)
    line.add(stays)
    const early = new WeakRef(item(1))
    line.add(early.deref()!)
    line.remove(early.deref()!)
    for (let n = 2; n < 100; n++) {
      const one = item(n)
      line.add(one)
      line.remove(one)
    }
    await collectGarbage()
    expect(early.deref()).toBeUndefined()
    expect(line.first).toBe(stays)
  })
})

test('the last errors are the last twenty, repeated ones counted', () => {
  const errors = new RecentErrors()
  const error = (n: number) => new SluiceError('UNAVAILABLE', `away ${n}`)
  for (let n = 0; n < 30; n++) errors.add('target', error(n))
  for (let n = 0; n < 5; n++) errors.add('target', error(29))
  expect(errors.list).toHaveLength(20)
  expect(errors.list[0]).toMatchObject({ where: 'target', code: 'UNAVAILABLE', message: 'away 29', count: 6 })
  expect(errors.list[19]).toMatchObject({ message: 'away 10', count: 1 })
})

describe('a pause', () => {
  test('ends sessions, is over when it is ended, and can be begun anew', async () => {
    const pause = new Pause()
    const stop = new AbortController()
    await pause.over(stop.signal)
    for (let n = 0; n < 3; n++) {
      const session = pause.session(stop.signal)
      expect([pause.on, session.aborted, pause.until(stop.signal).aborted]).toEqual([false, false, true])
      pause.begin()
      pause.begin()
      expect([pause.on, session.aborted, pause.until(stop.signal).aborted]).toEqual([true, true, false])
      const over = pause.over(stop.signal)
      pause.end()
      await over
    }
    pause.begin()
    const over = pause.over(stop.signal)
    stop.abort()
    await over
  })

  test('of a route, over and over under load, loses nothing and keeps the order of keys', async () => {
    const lab = new Lab()
    const { gateway } = lab.start([route()])
    const orders = gateway.route('orders')!
    let sent = 0
    const sending = setInterval(() => {
      for (let n = 0; n < 20 && sent < 2_000; n++) lab.send({ key: `k${sent % 7}`, id: String(sent++) })
    }, 2)
    for (let n = 0; n < 10; n++) {
      orders.pause()
      if (n % 2 === 0) expect(await orders.drained(AbortSignal.timeout(60_000))).toBe(true)
      orders.resume()
      const { settled } = orders.status
      await until('it goes on', () => orders.status.settled > settled || lab.firsts().length === 2_000)
    }
    await until('all arrive', () => lab.firsts().length === 2_000 && lab.here.contents('in').length === 0)
    clearInterval(sending)
    for (let key = 0; key < 7; key++) {
      const ids = lab
        .firsts()
        .map(Number)
        .filter(id => id % 7 === key)
      expect(ids).toEqual(ids.toSorted((a, b) => a - b))
    }
    await gateway.stop(1_000)
  })

  test('of a route gives back what waits in a batch, which comes again', async () => {
    const lab = new Lab()
    const batch = [{ name: 'batch', options: { count: 10, every: '1h' }, timeout: '1s' }]
    const { gateway } = lab.start([route({ transform: batch })])
    const orders = gateway.route('orders')!
    for (let n = 0; n < 5; n++) lab.send()
    await until('they wait', () => orders.status.inFlight === 5)
    orders.pause()
    expect(await orders.drained(AbortSignal.timeout(60_000))).toBe(true)
    expect(lab.here.contents('in')).toHaveLength(5)
    orders.resume()
    for (let n = 0; n < 5; n++) lab.send()
    await until('the batch is there', () => lab.stored().length === 1)
    await gateway.stop(1_000)
  })

  test('before anything was received keeps the source closed', async () => {
    const lab = new Lab()
    lab.here.reach.goDown()
    const { gateway } = lab.start([route()])
    const orders = gateway.route('orders')!
    await until('it tries', () => orders.status.state === 'holding')
    orders.pause()
    expect(orders.status.state).toBe('paused')
    lab.here.reach.comeUp()
    lab.send()
    expect(await orders.drained(AbortSignal.timeout(60_000))).toBe(true)
    expect(orders.status.received).toBe(0)
    orders.resume()
    await until('it arrives', () => lab.stored().length === 1)
    await gateway.stop(1_000)
    expect(gateway.status[0]!.state).toBe('ended')
  })
})
