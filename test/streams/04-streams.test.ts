import { describe, expect, test } from 'vitest'
import { expectExactly, messages } from './account.ts'
import { directions } from './direction.ts'
import { until } from './ends.ts'
import { startRoute } from './plain-route.ts'

// Benthos' definitions 10, 11 and 13.
describe.each(directions)('$name', direction => {
  test('10 StreamSequential(1000): one by one, each there before the next is sent', async () => {
    await using lane = await direction.lane()
    await using gateway = await startRoute(lane)
    await lane.target.read()
    const all = messages({ count: 1_000 })
    for (const [i, one] of all.entries()) {
      await lane.source.send([one])
      await until(`${one.id} has arrived`, () => lane.target.arrived.length > i)
      expect(lane.target.arrived[i]!.id).toBe(one.id)
    }
    await gateway.stop()
    expectExactly(all, await lane.target.drain())
    expect(await lane.source.left()).toBe(0)
  })

  test('11 StreamIsolated(5000): everything is sent before the route starts', async () => {
    await using lane = await direction.lane()
    const all = messages({ count: 5_000, keys: 50, size: 500 })
    await lane.source.send(all)
    await using gateway = await startRoute(lane)
    await gateway.settled(5_000)
    await gateway.stop()
    await lane.target.read()
    expectExactly(all, await lane.target.drain())
    expect(await lane.source.left()).toBe(0)
  })

  test('13 StreamParallel(5000): sent and received at the same time', async () => {
    await using lane = await direction.lane()
    await using gateway = await startRoute(lane)
    await lane.target.read()
    const all = messages({ count: 5_000, keys: 50, size: 500 })
    for (let i = 0; i < all.length; i += 100) await lane.source.send(all.slice(i, i + 100))
    expect(lane.target.arrived.length, 'some are there while the last are sent').toBeGreaterThan(0)
    await gateway.settled(5_000)
    await gateway.stop()
    expectExactly(all, await lane.target.drain())
    expect(await lane.source.left()).toBe(0)
  })
})
