import { describe, expect, onTestFinished, test } from 'vitest'
import { given } from '../brokers/given.ts'
import { type FaultProxy, proxyFor } from '../brokers/proxy.ts'
import { account, expectExactly, messages } from './account.ts'
import { directions, kafkaToRabbit } from './direction.ts'
import { until } from './ends.ts'
import { startRoute } from './plain-route.ts'

test('kafka → rabbitmq4: a full queue nacks, and the order of each key holds with no copy', async () => {
  const full = { 'x-max-length': 50, 'x-overflow': 'reject-publish' }
  await using lane = await kafkaToRabbit.lane({ rabbit: { type: 'classic', arguments: full } })
  const all = messages({ count: 2_000, keys: 20 })
  await lane.source.send(all)
  await using gateway = await startRoute(lane)
  await until('the queue is full', async () => (await lane.rabbit.left()) >= 50)
  await gateway.until('messages are refused', ({ heldLanes }) => heldLanes > 0)
  await lane.rabbit.read('slowly')
  await gateway.settled(2_000)
  expect(await gateway.metric('sluice_retried_total'), 'refused often').toBeGreaterThan(50)
  await gateway.stop()
  expectExactly(all, await lane.target.drain())
  expect(await lane.source.left()).toBe(0)
})

const types = ['quorum', 'classic'] as const
const cases = directions.flatMap(direction => types.map(type => ({ name: direction.name, direction, type })))

describe.each(cases)('$name, $type queue', ({ direction, type }) => {
  test('ten cuts of the connection to RabbitMQ: nothing lost, the order of each key holds', async () => {
    const proxy = await proxyFor(given('rabbitmq4'))
    onTestFinished(() => proxy[Symbol.asyncDispose]())
    await using lane = await direction.lane({ rabbit: { type } })
    const all = messages({ count: 8_000, keys: 50 })
    await lane.source.send(all)
    await lane.target.read()
    const through = { [direction.fromKafka ? 'TARGET' : 'SOURCE']: { url: proxy.url } }
    await using gateway = await startRoute(lane, '    rate: 1000/s\n', [], through)
    for (let cut = 1; cut <= 10; cut++) {
      const before = lane.target.arrived.length
      await until('messages flow', () => lane.target.arrived.length > before + 100)
      await cutFor(50, proxy)
    }
    expect(lane.target.arrived.length, 'the cuts hit in mid-stream').toBeLessThan(8_000)
    const seen = () => new Set(lane.target.arrived.map(one => one.id)).size
    await gateway.carried(lane.source, 'all are there', () => seen() === 8_000)
    await gateway.stop()
    const result = account(all, await lane.target.drain())
    console.log(`${direction.name}, ${type}, 10 cuts: ${result.ok} ok, ${result.duplicated.size} duplicated`)
    expect(result).toMatchObject({ ok: 8_000, lost: [], unexpected: [], disordered: [], altered: [] })
    expect(await lane.source.left()).toBe(0)
  })
})

async function cutFor(ms: number, proxy: FaultProxy): Promise<void> {
  await proxy.cut()
  await new Promise(resolve => setTimeout(resolve, ms))
  await proxy.restore()
}
