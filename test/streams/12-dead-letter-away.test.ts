import { randomUUID } from 'node:crypto'
import { describe, expect, onTestFinished, test } from 'vitest'
import { given } from '../brokers/given.ts'
import { proxyFor } from '../brokers/proxy.ts'
import { account, expectExactly, messages } from './account.ts'
import { directions, type Lane } from './direction.ts'
import { type Outgoing, until } from './ends.ts'
import { fill, RunningGateway } from './gateway.ts'
import { obstacle } from './obstacle.ts'
import { RabbitEnd } from './rabbit-end.ts'

const ROUTES = `
version: 1
admin: false
connections:
  source: { $SOURCE }
  target: { $TARGET }
  graveyard: { $GRAVEYARD }
routes:
  stream:
    from: { connection: source, $FROM }
    to: { connection: target, $TO }
    transform: [{ use: obstacle }]
    retry: { backoff: { initial: 10ms, max: 200ms } }
    deadLetter: { connection: graveyard, $DEAD }
`

const poisonous = ({ id }: Outgoing) => Number(id.slice(1)) % 20 === 7

describe.each(directions)('$name', direction => {
  const start = (lane: Lane, graveyard: string, dead: RabbitEnd) => {
    const { source, target } = lane
    const ends = { SOURCE: source.connection, TARGET: target.connection, FROM: source.from, TO: target.to }
    const variables = { ...ends, GRAVEYARD: { url: graveyard }, DEAD: dead.to }
    const refuse = obstacle(id => (poisonous({ id } as Outgoing) ? 'never' : 'pass'))
    return RunningGateway.start(fill(ROUTES, variables), [refuse])
  }

  test('while dead letters cannot be written, no poison is acked and the route holds; then it goes on', async () => {
    const proxy = await proxyFor(given('rabbitmq4'))
    onTestFinished(() => proxy[Symbol.asyncDispose]())
    await using lane = await direction.lane()
    const dead = await RabbitEnd.open({ url: given('rabbitmq4').url, queue: `stream.dead.${randomUUID()}` })
    onTestFinished(() => dead[Symbol.asyncDispose]())
    await lane.target.read()
    await dead.read()
    const all = messages({ count: 400, keys: 10 })
    {
      await using gateway = await start(lane, proxy.url, dead)
      await lane.source.send(all.slice(0, 200))
      await gateway.settled(200)
      await until('its poison is there', () => dead.arrived.length === 10)

      await proxy.cut()
      await lane.source.send(all.slice(200))
      await gateway.until('the route holds and says why', ({ state, conditions }) =>
        Boolean(state === 'holding' && conditions.some(one => one.part === 'dead letter')),
      )
      // The drain settles what is on its way to the target; poison cannot be settled, so it is given up without an ack.
      await gateway.stop()
    }
    // Every message that is not owed any more is at the target, or was dead-lettered before.
    const good = new Set((await lane.target.drain()).map(one => one.id)).size
    await lane.target.read()
    expect(dead.arrived.length).toBe(10)
    if (direction.fromKafka) expect(await lane.source.left()).toBeGreaterThanOrEqual(400 - good - 10)
    else {
      let left = 0
      const rest = 400 - good - 10
      await until(
        () => `the queue has the rest, ${rest}, not ${left}`,
        async () => (left = await lane.source.left()) === rest,
      )
    }

    await using again = await start(lane, proxy.url, dead)
    await again.until('it holds again', ({ conditions }) => conditions.some(one => one.part === 'dead letter'))
    expect(dead.arrived.length).toBe(10)
    await proxy.restore()
    await until('all poison is there', () => dead.arrived.length >= 20)
    const seen = () => new Set(lane.target.arrived.map(one => one.id)).size
    await again.carried(lane.source, 'all the rest is there', () => seen() === 380)
    await again.stop()

    expectExactly(all.filter(poisonous), await dead.drain())
    const result = account(
      all.filter(one => !poisonous(one)),
      await lane.target.drain(),
    )
    expect(result).toMatchObject({ ok: 380, lost: [], unexpected: [], disordered: [], altered: [] })
    if (!direction.fromKafka) expect(result.duplicated).toEqual(new Map())
    expect(await lane.source.left()).toBe(0)
  })
})
