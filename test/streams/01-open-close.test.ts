import { describe, expect, test } from 'vitest'
import { expectExactly, message } from './account.ts'
import { withRabbit3 } from './direction.ts'
import { until } from './ends.ts'
import { startRoute } from './plain-route.ts'

// Benthos' definitions 1 and 2. A bridge is its input and its output at once: "open and close" is start and SIGTERM, and
// what must be left behind is a source that owes nothing.
describe.each(withRabbit3)('$name', direction => {
  test('1 OpenClose: a message goes through an open route, which then closes and owes nothing', async () => {
    await using lane = await direction.lane()
    await using gateway = await startRoute(lane)
    await gateway.until('the route runs', ({ state }) => state === 'running')
    await lane.target.read()
    await lane.source.send([message('hello', 'k')])
    await until('it has arrived', () => lane.target.arrived.length > 0)
    await gateway.stop()
    expectExactly([message('hello', 'k')], await lane.target.drain())
    expect(await lane.source.left()).toBe(0)
    expect(gateway.route.state).toBe('ended')
  })

  test('2 OpenCloseIsolated: the route starts only after the message was sent', async () => {
    await using lane = await direction.lane()
    await lane.source.send([message('hello', 'k')])
    expect(await lane.source.left()).toBe(1)
    await using gateway = await startRoute(lane)
    await gateway.settled(1)
    await gateway.stop()
    await lane.target.read()
    expectExactly([message('hello', 'k')], await lane.target.drain())
    expect(await lane.source.left()).toBe(0)
  })

  test('a route without messages opens and closes, and again', async () => {
    await using lane = await direction.lane()
    for (let i = 0; i < 3; i++) {
      await using gateway = await startRoute(lane)
      await gateway.until('the route runs', ({ state }) => state === 'running')
      await gateway.stop()
    }
    await lane.target.read()
    expect(await lane.target.drain()).toEqual([])
  })
})
