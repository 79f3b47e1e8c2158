import { describe, expect, test } from 'vitest'
import { account, messages } from './account.ts'
import { directions } from './direction.ts'
import { until } from './ends.ts'
import { startRoute } from './plain-route.ts'

// What the admin API does to a route, in mid-stream.
describe.each(directions)('$name', direction => {
  test('pausing, resuming, draining and restarting a route loses nothing and reorders nothing', async () => {
    await using lane = await direction.lane()
    const all = messages({ count: 4_000, keys: 30 })
    await lane.source.send(all)
    await lane.target.read()
    await using gateway = await startRoute(lane, '    rate: 1000/s\n')
    const stream = () => gateway.gateway.route('stream')!
    const further = (count: number) => {
      const goal = Math.min(4_000, lane.target.arrived.length + count)
      return until(`${goal} are there`, () => lane.target.arrived.length >= goal)
    }
    await further(500)

    stream().pause()
    expect(await stream().drained(AbortSignal.timeout(60_000))).toBe(true)
    const { settled, inFlight } = gateway.route
    expect(inFlight).toBe(0)
    // Given back to the broker: another consumer could have it.
    await until('the broker has the rest', async () => (await lane.source.left()) === 4_000 - settled)
    stream().resume()
    await further(500)

    await gateway.gateway.restart('stream')
    await further(500)

    for (let n = 0; n < 3; n++) {
      stream().pause()
      stream().resume()
    }
    await further(500)
    await gateway.gateway.restart('stream')
    await gateway.carried(
      lane.source,
      'all are there',
      () => new Set(lane.target.arrived.map(one => one.id)).size === 4_000,
    )
    await gateway.stop()
    expect(await lane.source.left()).toBe(0)
    const result = account(all, await lane.target.drain())
    expect(result).toMatchObject({ ok: 4_000, lost: [], unexpected: [], disordered: [], altered: [] })
  })
})
