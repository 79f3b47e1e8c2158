import { describe, expect, test } from 'vitest'
import { expectExactly, messages } from './account.ts'
import { directions } from './direction.ts'
import { PATIENCE, until } from './ends.ts'
import { obstacle, WITH_OBSTACLE } from './obstacle.ts'
import { startRoute } from './plain-route.ts'

// Benthos' definitions 5 to 9. A sent batch is a publish of many before the first confirm. Its output batching policy is
// our `batch.size` with a `linger` so long that only a full batch, or an idle publisher, can have sent anything. Its input
// batching policy of n is our `inFlight: n`: so many are taken before anything must be settled.
const BY_COUNT = `
    batch: { size: 10, linger: 10m, concurrency: 4 }
`

describe.each(directions)('$name', direction => {
  test('5 SendBatch(10): one batch arrives whole', async () => {
    await using lane = await direction.lane()
    await using gateway = await startRoute(lane)
    const batch = messages({ count: 10 })
    await lane.source.send(batch)
    await gateway.settled(10)
    await gateway.stop()
    await lane.target.read()
    expectExactly(batch, await lane.target.drain())
  })

  test('6 SendBatches(20, 25, 8): many batches from parallel senders arrive, each sender in its order', async () => {
    await using lane = await direction.lane()
    await using gateway = await startRoute(lane)
    await lane.target.read()
    const senders = Array.from({ length: 8 }, (_, sender) =>
      messages({ count: 500, name: `s${sender}-` }).map(one => ({ ...one, key: `sender ${sender}` })),
    )
    await Promise.all(
      senders.map(async all => {
        for (let i = 0; i < all.length; i += 20) await lane.source.send(all.slice(i, i + 20))
      }),
    )
    await gateway.settled(4_000)
    await gateway.stop()
    expectExactly(senders.flat(), await lane.target.drain())
    expect(await lane.source.left()).toBe(0)
  })

  test('7 SendBatchCount(10): full batches go without waiting, and so does what is left over', async () => {
    await using lane = await direction.lane()
    await using gateway = await startRoute(lane, BY_COUNT)
    await lane.target.read()
    const all = messages({ count: 37, keys: 37 })
    await lane.source.send(all)
    await until('all 37 are there, long before the linger', () => lane.target.arrived.length >= 37, PATIENCE)
    await gateway.stop()
    expectExactly(all, await lane.target.drain())
  })

  test('8 SendBatchCountIsolated(10): likewise where the route starts later', async () => {
    await using lane = await direction.lane()
    const all = messages({ count: 37, keys: 37 })
    await lane.source.send(all)
    await using gateway = await startRoute(lane, BY_COUNT)
    await gateway.settled(37)
    await gateway.stop()
    await lane.target.read()
    expectExactly(all, await lane.target.drain())
    expect(await lane.source.left()).toBe(0)
  })

  test('9 ReceiveBatchCount(10): so many are taken and not one more, until something is settled', async () => {
    await using lane = await direction.lane()
    const all = messages({ count: 35, keys: 35 })
    await lane.source.send(all)
    const release = Promise.withResolvers<void>()
    let waiting = 0
    let most = 0
    const hold = obstacle(() => {
      most = Math.max(most, ++waiting)
      return release.promise.then(() => void waiting--)
    })
    await using gateway = await startRoute(lane, `${WITH_OBSTACLE}    inFlight: 10\n`, [hold])
    await gateway.until('10 are held', ({ inFlight }) => inFlight === 10 && waiting === 10)
    // What RabbitMQ still has ready says how many it has sent; Kafka cannot tell before a commit.
    expect(await lane.source.left()).toBe(direction.fromKafka ? 35 : 25)
    expect(gateway.route).toMatchObject({ received: 10, settled: 0 })
    release.resolve()
    await gateway.settled(35)
    expect(most).toBe(10)
    await gateway.stop()
    await lane.target.read()
    expectExactly(all, await lane.target.drain())
    expect(await lane.source.left()).toBe(0)
  })
})
