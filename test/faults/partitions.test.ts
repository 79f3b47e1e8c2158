import { afterAll, beforeAll, expect, test } from 'vitest'
import { quiet } from '../../src/core/quiet-log.ts'
import { rabbitmq } from '../../src/drivers/rabbitmq/driver.ts'
import { rabbitmqPlugins } from '../drivers/rabbitmq/control.ts'
import { until } from '../streams/ends.ts'
import { Arena, Brokers } from './arena.ts'
import { deliveries } from './partitioned.ts'

const PARTITIONS = 8

let brokers: Brokers
beforeAll(async () => {
  brokers = await Brokers.start('partitions')
})
afterAll(() => brokers[Symbol.asyncDispose]())

test('rabbitmq → kafka by partitions: gateways join, leave and are killed under load', async () => {
  const way = 'rabbitmq → kafka'
  const more = '    rate: 150/s\n    inFlight: 400\n'
  await using arena = await Arena.open(brokers, { way, count: 12_000, partitions: PARTITIONS, more })
  const on = async (count: number) => arena.progress(((await arena.arrived()) ?? 0) + count)
  const first = await arena.gateway()
  await on(300)
  const [second] = await Promise.all([arena.gateway(), arena.gateway()])
  let seen: readonly number[] = []
  await until(
    () => `all three gateways are given messages: ${seen}`,
    async () => {
      seen = await deliveries(brokers.rabbitmq)
      return seen.length === 3 && seen.every(count => count > 0)
    },
  )
  await on(600)
  expect(await first.stop()).toBe(0)
  await on(600)
  await second!.kill()
  await on(600)
  await arena.midStream(0, async () => void (await arena.gateway()))
  const { duplicated } = await arena.finish('partitions, gateways come and go')
  // What the killed one had in hand may come again, and nothing else.
  expect(duplicated.size).toBeLessThanOrEqual(400)
})

test('without the plug-in the broker is said to lack it, and other routes of the connection keep their session', async () => {
  const signal = AbortSignal.timeout(60_000)
  const context = { route: 'test', inFlight: 100, inFlightBytes: 2 ** 20, log: quiet, status() {} }
  await rabbitmqPlugins(brokers.rabbitmq, 'disable', 'rabbitmq_consistent_hash_exchange')
  const connection = rabbitmq.connect({ url: brokers.rabbitmq.url }, { name: 'bare', log: quiet, baseDir: '.' })
  try {
    await using other = await connection.source({ queue: 'bare', exclusive: true }, context, signal)
    const end = new AbortController()
    const session = Array.fromAsync(other.receive(end.signal))
    await expect(connection.source({ queue: 'parts', partitions: 2 }, context, signal)).rejects.toMatchObject({
      code: 'NOT_SUPPORTED',
      fate: 'fatal',
      message: expect.stringContaining('no consistent-hash exchange'),
      hint: expect.stringContaining('rabbitmq-plugins enable rabbitmq_consistent_hash_exchange'),
    })
    expect(await other.lag!(signal)).toBe(0)
    end.abort()
    expect(await session).toEqual([])
  } finally {
    await connection[Symbol.asyncDispose]()
  }
})
