import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { type Broker, startBroker } from '../brokers/broker.ts'
import { given } from '../brokers/given.ts'
import { proxyFor } from '../brokers/proxy.ts'
import { account, messages } from '../streams/account.ts'
import { until } from '../streams/ends.ts'
import { fill, RunningGateway } from '../streams/gateway.ts'
import { RabbitEnd } from '../streams/rabbit-end.ts'

const COUNT = 5_000
const TEMPLATE = `
version: 1
connections:
  shop: { url: $URL }
routes:
  orders:
    from: { connection: shop, queue: $QUEUE, type: quorum }
    to: { connection: shop, queue: $TARGET, type: quorum }
    order: { by: "\${headers.key}" }
    dedup: { by: "\${headers.id}", window: 10m, store: { redis: { url: $REDIS, prefix: $PREFIX, lease: 2s, timeout: 1s } } }
    rate: 150/s
    inFlight: 200
`

let redis: Broker
beforeAll(async () => {
  redis = await startBroker('redis', { instance: `faults-${process.pid}` })
})
afterAll(() => redis[Symbol.asyncDispose]())

// Both gateways live all the time, and Redis keeps what it has answered: so there is not one copy.
test('two gateways get the same messages; Redis is killed, frozen and cut off: each arrives once', async () => {
  const { url } = given('rabbitmq4')
  const name = `sluice.redis.${randomUUID().slice(0, 8)}`
  await using ends = new AsyncDisposableStack()
  const open = async (queue: string) => ends.use(await RabbitEnd.open({ url, queue }))
  const sources = [await open(`${name}.a`), await open(`${name}.b`)]
  const target = await open(name)
  const sent = messages({ count: COUNT, keys: 100 }).map(one => ({ ...one, headers: { id: one.id } }))
  // In another order, so that each is the first with half of them.
  const turned = [...sent.slice(COUNT / 2), ...sent.slice(0, COUNT / 2)]
  await sources[0]!.send(sent)
  await sources[1]!.send(turned)

  const proxy = await proxyFor(redis)
  onTestFinished(() => proxy[Symbol.asyncDispose]())
  const gateways = await Promise.all(
    sources.map(({ queue }) =>
      RunningGateway.start(
        fill(TEMPLATE, { URL: url, QUEUE: queue, TARGET: name, REDIS: proxy.url, PREFIX: `${name}:` }),
      ),
    ),
  )
  for (const gateway of gateways) ends.use(gateway)
  const arrived = () => target.left()
  const further = async (count: number) => {
    const from = await arrived()
    await until(
      () => `${count} more than ${from} arrive`,
      async () => (await arrived()) >= from + count,
    )
  }
  const fault = async (what: string, begin: () => unknown, end: () => unknown) => {
    await further(200)
    expect(await arrived(), `${what} in mid-stream`).toBeLessThan(COUNT)
    await begin()
    for (const gateway of gateways)
      await gateway.until(`the route holds: ${what}`, ({ conditions }) =>
        conditions.some(({ code }) => code === 'STORE_AWAY'),
      )
    await end()
    for (const gateway of gateways)
      await gateway.until(`the route goes on: ${what}`, ({ conditions }) => conditions.length === 0)
  }
  await fault(
    'killed',
    () => redis.kill(),
    () => redis.restart(),
  )
  await fault(
    'frozen',
    () => redis.freeze(),
    () => redis.thaw(),
  )
  await fault(
    'cut off',
    () => proxy.cut(),
    () => proxy.restore(),
  )
  for (const [i, source] of sources.entries())
    await until(
      () => `source ${i} is empty; the log:\n${gateways[i]!.lines.slice(-10).join('\n')}`,
      async () => (await source.left()) === 0 && gateways[i]!.route.inFlight === 0 && (await arrived()) >= COUNT,
    )
  const shares = await Promise.all(gateways.map(gateway => gateway.metric('sluice_delivered_total')))
  for (const gateway of gateways) await gateway.stop()
  const result = account(sent, await target.drain())
  console.log(
    `two gateways, one store: ${shares.join(' + ')} delivered, lost ${result.lost.length}, twice ${result.duplicated.size}`,
  )
  expect(result).toMatchObject({ lost: [], unexpected: [], altered: [] })
  expect(result.duplicated.size).toBe(0)
  expect(shares[0]! + shares[1]!).toBe(COUNT)
  expect(Math.min(...shares)).toBeGreaterThan(0)
})
