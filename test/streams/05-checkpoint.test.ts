import { describe, expect, test } from 'vitest'
import { account, message } from './account.ts'
import { directions, type Lane, type LaneOptions } from './direction.ts'
import { obstacle, WITH_OBSTACLE } from './obstacle.ts'
import { startRoute } from './plain-route.ts'

// Benthos' definitions 12 and 15: of A to E, C and E fail and the others do not; after a restart exactly what is owed
// comes again. A queue owes C and E. A log has one position per partition, before C: it owes C, D and E, and D twice at
// the target is the price. Definition 15 is active for no connector of Benthos.
const sent = ['A', 'B', 'C', 'D', 'E'].map(id => message(id, id))
const failing = new Set(['C', 'E'])

describe.each(directions)('$name', direction => {
  const owed = direction.fromKafka ? 3 : 2
  const again = direction.fromKafka ? new Map([['D', 1]]) : new Map()

  async function expectOwed(lane: Lane, all: typeof sent): Promise<void> {
    expect(lane.target.arrived.map(one => one.id).toSorted()).toEqual(['A', 'B', 'D'])
    expect(await lane.source.left()).toBe(owed)
    expect(account(all, lane.target.arrived)).toMatchObject({ ok: 3, lost: ['C', 'E'], unexpected: [], altered: [] })
  }

  async function expectPaid(lane: Lane, all: typeof sent): Promise<void> {
    const result = account(all, await lane.target.drain())
    expect(result).toMatchObject({ ok: 5, lost: [], unexpected: [], disordered: [], altered: [] })
    expect(result.duplicated).toEqual(again)
    expect(await lane.source.left()).toBe(0)
  }

  test('12 CheckpointCapture: what is settled behind a failing message is no position to go on from', async () => {
    await using lane = await direction.lane({ kafka: { partitions: 1 } })
    await lane.source.send(sent)
    const refuse = obstacle(id => (failing.has(id) ? 'again' : 'pass'))
    {
      await using gateway = await startRoute(lane, WITH_OBSTACLE, [refuse])
      await gateway.until('A, B and D are settled', ({ settled, inFlight }) => settled === 3 && inFlight === 2)
      await gateway.stop(0)
    }
    await lane.target.read()
    await lane.target.drain()
    await expectOwed(lane, sent)

    await using gateway = await startRoute(lane)
    await gateway.settled(owed)
    await gateway.stop()
    await expectPaid(lane, sent)
  })

  test('15 AtLeastOnceDelivery: what the target itself refused is delivered after a restart', async () => {
    // Kafka refuses what is over the limit of its topic; RabbitMQ returns what no queue is bound for.
    const filler = 'x'.repeat(20_000)
    const all = direction.fromKafka
      ? sent.map(one => ({ ...one, headers: { way: failing.has(one.id) ? 'closed' : 'open' } }))
      : sent.map(one => (failing.has(one.id) ? message(one.id, one.id, 0, filler) : one))
    const exchange = `stream.exchange.${Math.random()}`
    const options: LaneOptions = direction.fromKafka
      ? {
          kafka: { partitions: 1 },
          rabbit: {
            type: 'none',
            options: { queue: undefined, exchange, routingKey: '${headers.way}', unroutable: 'retry' },
          },
        }
      : { kafka: { config: { 'max.message.bytes': '10000' } } }
    await using lane = await direction.lane(options)
    const { channel, queue } = lane.rabbit
    await using cleanup = new AsyncDisposableStack()
    if (direction.fromKafka) {
      await channel.assertExchange(exchange, 'direct', { durable: true })
      await channel.assertQueue(queue, { durable: true })
      await channel.bindQueue(queue, exchange, 'open')
      cleanup.defer(async () => {
        await channel.deleteQueue(queue)
        await channel.deleteExchange(exchange)
      })
    }
    await lane.source.send(all)
    {
      await using gateway = await startRoute(lane)
      await gateway.until('A, B and D are settled', ({ settled, inFlight }) => settled === 3 && inFlight === 2)
      expect(gateway.route.heldLanes).toBe(2)
      await gateway.stop(0)
    }
    await lane.target.read()
    await lane.target.drain()
    await expectOwed(lane, all)

    if (direction.fromKafka) await channel.bindQueue(queue, exchange, 'closed')
    else await lane.kafka.configure({ 'max.message.bytes': '1000000' })
    await using gateway = await startRoute(lane)
    await gateway.settled(owed)
    await gateway.stop()
    await expectPaid(lane, all)
  })
})
