import { describe, expect, test } from 'vitest'
import { account, expectExactly, messages } from './account.ts'
import { directions } from './direction.ts'
import { obstacle, WITH_OBSTACLE } from './obstacle.ts'
import { startRoute } from './plain-route.ts'

// Benthos' definitions 16 and 17: one message in ten is refused at its first attempt. Benthos asks that all arrive in the
// end; a bridge that promises order must also bring each once, and in the order of its key.
const refuseOneInTen = () =>
  obstacle((id, attempt) => (Number(id.slice(1)) % 10 === 3 && attempt === 1 ? 'again' : 'pass'))

describe.each(directions)('$name', direction => {
  test('16 StreamParallelLossy(1000): each arrives once, in the order of its key', async () => {
    await using lane = await direction.lane()
    await using gateway = await startRoute(lane, WITH_OBSTACLE, [refuseOneInTen()])
    await lane.target.read()
    const all = messages({ count: 1_000, keys: 37 })
    for (let i = 0; i < all.length; i += 50) await lane.source.send(all.slice(i, i + 50))
    await gateway.settled(1_000)
    await gateway.stop()
    expectExactly(all, await lane.target.drain())
    expect(await lane.source.left()).toBe(0)
  })

  test('17 StreamParallelLossyThroughReconnect(1000): likewise with the route closed and opened in between', async () => {
    await using lane = await direction.lane()
    await lane.target.read()
    const refuse = refuseOneInTen()
    const all = messages({ count: 1_000, keys: 37 })
    await lane.source.send(all)
    const more = `${WITH_OBSTACLE}    rate: 500/s\n`
    {
      await using gateway = await startRoute(lane, more, [refuse])
      await gateway.until('some are through', ({ settled }) => settled >= 200)
      await gateway.stop()
      expect(gateway.route.settled, 'it stopped in mid-stream').toBeLessThan(1_000)
    }
    await using gateway = await startRoute(lane, more, [refuse])
    await gateway.until('all are there', ({ inFlight }) => inFlight === 0 && lane.target.arrived.length >= 1_000)
    await gateway.stop()
    // A drained stop repeats nothing.
    expectExactly(all, await lane.target.drain())
    expect(await lane.source.left()).toBe(0)
  })

  test('17 once more, with a stop that does not wait: what was under way may come twice, and no more than that', async () => {
    await using lane = await direction.lane()
    await lane.target.read()
    const refuse = refuseOneInTen()
    const all = messages({ count: 1_000, keys: 37 })
    await lane.source.send(all)
    const more = `${WITH_OBSTACLE}    rate: 500/s\n    inFlight: 50\n`
    {
      await using gateway = await startRoute(lane, more, [refuse])
      await gateway.until('some are through', ({ settled }) => settled >= 200)
      await gateway.stop(0)
      expect(gateway.route.settled, 'it stopped in mid-stream').toBeLessThan(1_000)
    }
    await using gateway = await startRoute(lane, more, [refuse])
    const seen = () => new Set(lane.target.arrived.map(one => one.id)).size
    await gateway.carried(lane.source, 'all are there', () => seen() === 1_000)
    await gateway.stop()
    const result = account(all, await lane.target.drain())
    expect(result).toMatchObject({ ok: 1_000, lost: [], unexpected: [], disordered: [], altered: [] })
    expect(result.duplicated.size).toBeLessThanOrEqual(50)
    expect(await lane.source.left()).toBe(0)
  })
})
