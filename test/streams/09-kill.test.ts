import { describe, expect, test } from 'vitest'
import { GatewayFolder } from '../faults/gateway-process.ts'
import { account, messages } from './account.ts'
import { directions } from './direction.ts'
import { carried, until } from './ends.ts'
import { routesFor } from './plain-route.ts'

// What a killed member holds goes to another when its session is over.
const QUICK = { sessionTimeout: '6s', heartbeatInterval: '2s' }

// test/faults kills it twenty times under load; here once, as a property of every stream.
describe.each(directions)('$name', direction => {
  test('kill -9 of the gateway in mid-stream loses nothing and reorders nothing', async () => {
    await using lane = await direction.lane({ kafka: { options: direction.fromKafka ? QUICK : {} } })
    const all = messages({ count: 3_000, keys: 30 })
    await lane.source.send(all)
    await lane.target.read()
    using folder = new GatewayFolder(routesFor(lane, '    rate: 1000/s\n'))
    {
      await using first = await folder.start()
      await until('a third is through', () => lane.target.arrived.length >= 1_000)
      await first.kill()
      expect(lane.target.arrived.length, 'killed in mid-stream').toBeLessThan(3_000)
    }
    await using second = await folder.start()
    const seen = () => new Set(lane.target.arrived.map(one => one.id)).size
    await carried(
      lane.source,
      () => `all 3000 are there, not ${seen()}; the gateway says:\n${second.tail}`,
      () => seen() === 3_000,
    )
    expect(await second.stop()).toBe(0)
    expect(second.noise).toEqual([])
    expect(await lane.source.left()).toBe(0)
    const result = account(all, await lane.target.drain())
    console.log(`${direction.name}, kill -9: ${result.ok} ok, ${result.duplicated.size} duplicated`)
    expect(result).toMatchObject({ ok: 3_000, lost: [], unexpected: [], disordered: [], altered: [] })
  })
})
