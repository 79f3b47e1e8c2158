import { afterAll, beforeAll, expect, test } from 'vitest'
import { Arena, Brokers, WAYS } from './arena.ts'

let brokers: Brokers
beforeAll(async () => {
  brokers = await Brokers.start('faults')
})
afterAll(() => brokers[Symbol.asyncDispose]())

// RabbitMQ gives a queue's messages to all its consumers in turn; one active consumer at a time keeps their order.
const from = { singleActiveConsumer: true }

test.each(WAYS)('%s: a second and a third gateway join and leave under load', async way => {
  const source = way === 'rabbitmq → kafka' ? { from, arguments: { 'x-single-active-consumer': true } } : {}
  await using arena = await Arena.open(brokers, { way, count: 24_000, more: '    rate: 400/s\n', ...source })
  const first = await arena.gateway()
  await arena.progress(2_000)
  const second = await arena.gateway()
  await arena.progress(4_000)
  const third = await arena.gateway()
  await arena.progress(6_000)
  expect(await first.stop()).toBe(0)
  await arena.progress(9_000)
  await second.kill()
  await arena.midStream(0.6, async () => void (await arena.gateway()))
  await arena.finish('gateways come and go')
  expect(third.running).toBe(false)
})
