import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Arena, Brokers, copies, WAYS } from './arena.ts'

let brokers: Brokers
beforeAll(async () => {
  brokers = await Brokers.start('faults')
})
afterAll(() => brokers[Symbol.asyncDispose]())

describe.each(WAYS)('%s', way => {
  test('the gateway is killed twenty times under load', async () => {
    await using arena = await Arena.open(brokers, { way, count: 24_000, more: '    rate: 2500/s\n' })
    for (let kill = 1; kill <= 20; kill++) {
      const gateway = await arena.gateway()
      await arena.midStream(kill / 24, () => gateway.kill())
    }
    await arena.gateway()
    await arena.finish('killed 20 times, no dedup')
  })
})

test('rabbitmq → kafka: with dedup in a file, twenty kills leave not one copy', async () => {
  const more = '    rate: 2500/s\n    dedup: { by: "${body.id}", store: file }\n'
  await using arena = await Arena.open(brokers, { way: 'rabbitmq → kafka', count: 24_000, more })
  for (let kill = 1; kill <= 20; kill++) {
    const gateway = await arena.gateway()
    await arena.midStream(kill / 24, () => gateway.kill())
  }
  await arena.gateway()
  expect(copies(await arena.finish('killed 20 times, dedup in a file'))).toBe(0)
})
