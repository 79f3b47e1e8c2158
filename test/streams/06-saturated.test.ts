import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { expectExactly, messages } from './account.ts'
import { directions } from './direction.ts'
import { obstacle, WITH_OBSTACLE } from './obstacle.ts'
import { startRoute } from './plain-route.ts'

// Benthos' definition 14. Holding half of the backlog unacknowledged is a route whose `inFlight` is full of messages that
// do not get on. The 5 seconds are the definition's: time enough to do something wrong in.
describe.each(directions)('$name', direction => {
  test('14 StreamSaturatedUnacked(200): half is held for 5 s and nothing else moves; then everything goes on', async () => {
    await using lane = await direction.lane()
    const all = messages({ count: 400, keys: 400 })
    await lane.source.send(all)
    await lane.target.read()
    const release = Promise.withResolvers<void>()
    const hold = obstacle(() => release.promise)
    await using gateway = await startRoute(lane, `${WITH_OBSTACLE}    inFlight: 100\n`, [hold])
    await gateway.until('100 are held', ({ inFlight }) => inFlight === 100)
    await sleep(5_000)
    expect(gateway.route).toMatchObject({ state: 'running', received: 100, settled: 0, inFlight: 100 })
    expect(await lane.source.left()).toBe(direction.fromKafka ? 400 : 300)
    expect(lane.target.arrived).toEqual([])
    release.resolve()
    await gateway.settled(400)
    await gateway.stop()
    expectExactly(all, await lane.target.drain())
    expect(await lane.source.left()).toBe(0)
  })
})
