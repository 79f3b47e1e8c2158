import { connect, headers, type JetStreamManager, type NatsConnection } from 'nats'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { NatsCluster } from '../brokers/nats-cluster.ts'
import { until } from '../streams/ends.ts'
import { fill } from '../streams/gateway.ts'
import { GatewayFolder } from './gateway-process.ts'

const COUNT = 4_000
const KEYS = 40

const ROUTES = `
version: 1
admin: false
plugins: []
connections:
  bus: { url: $URL, requestTimeout: 3s, connectTimeout: 3s, pingInterval: 2s }
routes:
  cluster:
    from: { connection: bus, stream: IN, consumer: route, ackWait: 5s }
    to: { connection: bus, stream: OUT, subject: out, key: "\${headers.key}" }
    order: { by: "\${headers.key}" }
    retry: { backoff: { initial: 50ms, max: 1s } }
    rate: 100/s
`

let cluster: NatsCluster
let client: NatsConnection
let manager: JetStreamManager
beforeAll(async () => {
  cluster = await NatsCluster.start()
  client = await connect({ servers: [...cluster.servers], maxReconnectAttempts: -1, reconnectTimeWait: 100 })
  manager = await client.jetstreamManager({ checkAPI: false })
})
afterAll(async () => {
  await client?.close()
  await cluster?.[Symbol.asyncDispose]()
})

/** Asks until the cluster has a leader that answers. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  let answer: T | undefined
  await until('the cluster answers', async () => {
    answer = await ask().catch(() => undefined)
    return answer !== undefined
  })
  return answer!
}

test('leaders of streams and of the consumer move, and one is killed: nothing lost, order kept, nothing twice', async () => {
  for (const [name, subject] of [
    ['IN', 'in'],
    ['OUT', 'out'],
  ] as const)
    await patiently(() => manager.streams.add({ name, subjects: [subject], num_replicas: 3 }))
  const jetstream = client.jetstream()
  for (let i = 0; i < COUNT; i++) {
    const list = headers()
    list.set('key', `k${i % KEYS}`)
    await patiently(() => jetstream.publish('in', String(i), { headers: list, msgID: String(i) }))
  }
  using folder = new GatewayFolder(fill(ROUTES, { URL: `nats://${cluster.servers}` }))
  await using gateway = await folder.start()
  const stored = () => patiently(async () => (await manager.streams.info('OUT')).state.messages)
  const further = async (count: number) => {
    const before = await stored()
    expect(before, 'the fault comes in mid-stream').toBeLessThan(COUNT - count)
    await until(
      () => `${count} more are through\n${gateway.tail}`,
      async () => (await stored()) >= before + count,
    )
  }
  const stepDown = (what: string) =>
    patiently(async () => JSON.parse(String((await client.request(`$JS.API.${what}`)).string())) as { success?: true })
  await further(200)
  expect(await stepDown('STREAM.LEADER.STEPDOWN.IN')).toMatchObject({ success: true })
  await further(200)
  expect(await stepDown('CONSUMER.LEADER.STEPDOWN.IN.route')).toMatchObject({ success: true })
  await further(200)
  expect(await stepDown('STREAM.LEADER.STEPDOWN.OUT')).toMatchObject({ success: true })
  await further(200)
  for (const stream of ['IN', 'OUT']) {
    const leader = await patiently(async () => (await manager.streams.info(stream)).cluster?.leader || undefined)
    await cluster.kill(leader!)
    await further(200)
    await cluster.restart(leader!)
    await further(200)
  }
  await until(
    () => `all are through\n${gateway.tail}`,
    async () => (await stored()) >= COUNT,
  )
  expect(await gateway.stop(), gateway.tail).toBe(0)
  expect(gateway.noise).toEqual([])

  const arrived: number[] = []
  for (let seq = 1; arrived.length < (await stored()); seq++)
    arrived.push(Number((await patiently(() => manager.streams.getMessage('OUT', { seq }))).string()))
  expect(arrived.toSorted((a, b) => a - b)).toEqual(Array.from({ length: COUNT }, (_, i) => i))
  const latest = new Map<number, number>()
  const overtaken = arrived.filter(i => {
    const before = latest.get(i % KEYS) ?? -1
    latest.set(i % KEYS, Math.max(i, before))
    return i < before
  })
  expect(overtaken).toEqual([])
})
