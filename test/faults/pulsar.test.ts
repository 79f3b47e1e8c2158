import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Broker, startBroker } from '../brokers/broker.ts'
import { given } from '../brokers/given.ts'
import { type FaultProxy, proxyFor } from '../brokers/proxy.ts'
import { account, messages } from '../streams/account.ts'
import { until } from '../streams/ends.ts'
import { fill } from '../streams/gateway.ts'
import { KafkaEnd } from '../streams/kafka-end.ts'
import { PulsarEnd } from '../streams/pulsar-end.ts'
import { GatewayFolder, type GatewayProcess } from './gateway-process.ts'

const WAYS = ['pulsar → kafka', 'kafka → pulsar'] as const
type Way = (typeof WAYS)[number]

const TEMPLATE = `
version: 1
admin: false
connections:
  source: { $SOURCE }
  target: { $TARGET }
routes:
  faults:
    from: { connection: source, $FROM }
    to: { connection: target, $TO }
    rate: 1500/s
    retry: { backoff: { initial: 50ms, max: 1s } }
`

const COUNT = 8_000

let broker: Broker
let proxy: FaultProxy & { readonly url: string }
beforeAll(async () => {
  broker = await startBroker('pulsar', { instance: `faults-${process.pid}` })
  proxy = await proxyFor(broker)
})
afterAll(async () => {
  await proxy.close()
  await broker[Symbol.asyncDispose]()
})

interface Scene {
  readonly gateway: GatewayProcess
  /** Another gateway on the same route, after this one was killed. */
  next(): Promise<void>
  /** Waits until this part of the messages is at the target. */
  reaches(fraction: number): Promise<void>
}

/** Loads the source, breaks something in mid-stream, waits until all is carried, and counts at the target. */
async function carry(way: Way, what: string, fault: (scene: Scene) => Promise<void>): Promise<void> {
  const name = `faults.${randomUUID().slice(0, 8)}`
  const pulsar = await PulsarEnd.open({ url: broker.url, topic: name })
  const kafka = await KafkaEnd.open({ url: given('kafka').url, topic: name, partitions: 6 })
  onTestFinished(async () => void (await Promise.all([pulsar, kafka].map(end => end[Symbol.asyncDispose]()))))
  const [source, target] = way === 'pulsar → kafka' ? [pulsar, kafka] : [kafka, pulsar]
  const sent = messages({ count: COUNT, keys: 200, size: 200 })
  await source.send(sent)

  const connections = [source, target].map(end =>
    end === pulsar ? { url: proxy.url, heartbeat: '3s', connectTimeout: '5s' } : end.connection,
  )
  const group = { sessionTimeout: '6s', heartbeatInterval: '1s' }
  using folder = new GatewayFolder(
    fill(TEMPLATE, {
      SOURCE: connections[0],
      TARGET: connections[1],
      FROM: source === kafka ? { ...kafka.from, ...group } : pulsar.from,
      TO: target.to,
    }),
  )
  let gateway = await folder.start()
  onTestFinished(() => gateway.kill())
  const count = () => target.count().catch(() => undefined)
  const reaches = (fraction: number) =>
    until(
      () => `${fraction * COUNT} are at the target; the gateway said:\n${gateway.tail}`,
      async () => ((await count()) ?? 0) >= fraction * COUNT,
    )
  await reaches(1 / 8)
  expect(await count(), 'the fault comes in mid-stream').toBeLessThan(COUNT * 0.9)
  await fault({
    get gateway() {
      return gateway
    },
    async next() {
      gateway = await folder.start()
    },
    reaches,
  })
  await reaches(1)
  await until(
    () => `the source owes nothing; the gateway said:\n${gateway.tail}`,
    async () => (await source.left().catch(() => undefined)) === 0,
  )
  expect(await gateway.stop(), 'the exit code').toBe(0)
  expect(gateway.noise, 'nothing but log lines').toEqual([])
  await target.read()
  const result = account(sent, await target.drain())
  const copies = [...result.duplicated.values()].reduce((sum, each) => sum + each, 0)
  console.log(
    `${way}, ${what}: acknowledged ${result.acknowledged}, lost ${result.lost.length}, duplicated ${copies}, out of order ${result.disordered.length}`,
  )
  expect(result).toMatchObject({ lost: [], unexpected: [], disordered: [], altered: [] })
}

async function killThrice(scene: Scene): Promise<void> {
  for (const fraction of [0.2, 0.4, 0.6]) {
    await scene.reaches(fraction)
    await scene.gateway.kill()
    await scene.next()
  }
}

describe.each(WAYS)('%s', way => {
  test('the gateway is killed three times', () => carry(way, 'gateway killed three times', killThrice))

  test('the broker is killed and started again', () =>
    carry(way, 'broker killed', async () => {
      await broker.kill()
      await sleep(500)
      await broker.restart()
    }))

  test('the broker is frozen for longer than the heartbeat', () =>
    carry(way, 'broker frozen for 10 s', async () => {
      broker.freeze()
      await sleep(10_000)
      broker.thaw()
    }))

  test('the connection is cut three times', () =>
    carry(way, 'connection cut three times', async () => {
      for (let i = 0; i < 3; i++) {
        await proxy.cut()
        await sleep(500)
        await proxy.restore()
        await sleep(500)
      }
    }))
})
