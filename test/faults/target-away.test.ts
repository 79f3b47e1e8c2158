import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Arena, Brokers } from './arena.ts'

let brokers: Brokers
beforeAll(async () => {
  brokers = await Brokers.start('faults')
})
afterAll(() => brokers[Symbol.asyncDispose]())

const way = 'rabbitmq → kafka'

test('a quorum queue lives through thirty outages of the target: its delivery limit of 20 costs no message', async () => {
  await using arena = await Arena.open(brokers, { way, count: 15_000, more: '    rate: 1000/s\n' })
  await arena.gateway()
  for (let outage = 1; outage <= 30; outage++) {
    await arena.midStream(outage / 40, async () => {
      await brokers.kafkaProxy.cut()
      await sleep(300)
      await brokers.kafkaProxy.restore()
    })
  }
  await arena.finish('30 target outages')
})

test('a target that is away for longer than every time-out: the route holds, and nothing is dead-lettered', async () => {
  const more = '    rate: 3000/s\n    retry: { attempts: 2, backoff: { initial: 10ms, max: 100ms } }\n'
  await using arena = await Arena.open(brokers, { way, count: 12_000, more })
  const gateway = await arena.gateway()
  const from = gateway.log.length
  await arena.midStream(0.3, () => brokers.kafka.kill())
  await gateway.says(/route faults holds: target( broker)?:/, from)
  const before = gateway.memory
  await sleep(75_000)
  const during = gateway.memory
  console.log(
    `${way}, memory of the gateway: ${Math.round(before)} MiB, after 75 s without its target ${Math.round(during)} MiB`,
  )
  expect(during).toBeLessThan(before + 60)
  await brokers.kafka.restart()
  await gateway.says(/target( broker)? is back/, from)
  await arena.finish('target away for 75 s')
})
