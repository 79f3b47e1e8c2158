import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { account, expectExactly, messages } from './account.ts'
import { kafkaToRabbit } from './direction.ts'
import { carried } from './ends.ts'
import type { RunningGateway } from './gateway.ts'
import { obstacle, WITH_OBSTACLE } from './obstacle.ts'
import { startRoute } from './plain-route.ts'

// Two gateways of one group; work is under way in one when the other joins or leaves.
const working = async (gateway: RunningGateway) =>
  gateway.until('work is under way', ({ inFlight, settled }) => inFlight > 20 && settled > 0)

test('kafka → rabbitmq4: partitions that change hands with work in flight bring each message once, in order', async () => {
  const options = { heartbeatInterval: '500ms' }
  await using lane = await kafkaToRabbit.lane({ kafka: { partitions: 6, options } })
  const all = messages({ count: 16_000, keys: 60 })
  await lane.source.send(all)
  await lane.target.read()
  // Were all 60 of one key, they would be done in 3 s: before the drain's deadline of 5 s.
  let pace = 50
  const slow = () => obstacle(() => sleep(pace))
  const more = `${WITH_OBSTACLE}    inFlight: 60\n`
  await using first = await startRoute(lane, more, [slow()])
  await working(first)
  for (let i = 0; i < 3; i++) {
    await using second = await startRoute(lane, more, [slow()])
    await working(second)
    await first.until('both work', ({ inFlight }) => inFlight > 0)
    await second.stop()
    expect(second.route.settled).toBeGreaterThan(0)
  }
  expect(lane.target.arrived.length, 'all that happened in mid-stream').toBeLessThan(16_000)
  pace = 0
  const seen = () => new Set(lane.target.arrived.map(one => one.id)).size
  await first.until('all are there', ({ inFlight }) => inFlight === 0 && seen() === 16_000)
  await first.stop()
  // Nothing expired unsettled: each rebalance waited until what was under way was done and committed.
  expectExactly(all, await lane.target.drain())
  expect(await lane.source.left()).toBe(0)
})

test('kafka → rabbitmq4: what cannot be finished before the partition goes is fenced: late acks lose nothing', async () => {
  const impatient = { drain: '100ms' }
  await using lane = await kafkaToRabbit.lane({ kafka: { partitions: 6, options: impatient } })
  const all = messages({ count: 3_000, keys: 300 })
  await lane.source.send(all)
  await lane.target.read()
  const release = Promise.withResolvers<void>()
  // The first holds what it has over the rebalance, and finishes it when it is no longer its own.
  const hold = obstacle(() => release.promise)
  await using first = await startRoute(lane, `${WITH_OBSTACLE}    inFlight: 500\n`, [hold])
  await first.until('500 are held', ({ inFlight }) => inFlight === 500)
  await using second = await startRoute(lane)
  await second.until('the second has partitions', ({ settled }) => settled > 0)
  release.resolve()
  const seen = () => new Set(lane.target.arrived.map(one => one.id)).size
  await carried(lane.source, 'all are there', () => seen() === 3_000)
  await first.until('the first is done', ({ inFlight }) => inFlight === 0)
  await second.until('the second is done', ({ inFlight }) => inFlight === 0)
  await first.stop()
  await second.stop()
  const result = account(all, await lane.target.drain())
  console.log(`rebalance with 500 held: ${result.ok} ok, ${result.duplicated.size} duplicated`)
  expect(result).toMatchObject({ ok: 3_000, lost: [], unexpected: [], disordered: [], altered: [] })
  expect(await lane.source.left()).toBe(0)
})
