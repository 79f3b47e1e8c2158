import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { messages } from '../streams/account.ts'
import { Arena, Brokers, copies, WAYS } from './arena.ts'

let brokers: Brokers
beforeAll(async () => {
  brokers = await Brokers.start('rolling')
})
afterAll(() => brokers[Symbol.asyncDispose]())

const REPLICAS = 3
const KEYS = 200

test.each(WAYS)('%s: three gateways are replaced one by one under load', async way => {
  const partitions = way === 'rabbitmq → kafka' ? { partitions: 12 } : {}
  const more = '    rate: 300/s\n    inFlight: 600\n'
  await using arena = await Arena.open(brokers, { way, count: 2_000, keys: KEYS, more, ...partitions })
  const on = async (count: number) => arena.progress(((await arena.arrived()) ?? 0) + count)
  const old = await Promise.all(Array.from({ length: REPLICAS }, () => arena.gateway()))
  // A producer that knows nothing of the update.
  const over = new AbortController()
  const feeding = (async () => {
    for (let n = 0; !over.signal.aborted; n++) {
      await arena.feed(messages({ count: KEYS, keys: KEYS, name: `f${n}.`, size: 200 }))
      await sleep(400)
    }
  })()
  await on(300)
  const began = (await arena.arrived())!
  const times: number[] = []
  for (const gateway of old) {
    // As a Deployment with maxSurge 1 and maxUnavailable 0 does it: the new one is there before the old one goes.
    await arena.gateway()
    const from = performance.now()
    expect(await gateway.stop(), gateway.tail).toBe(0)
    times.push(performance.now() - from)
    await on(300)
  }
  const ended = (await arena.arrived())!
  over.abort()
  await feeding
  const result = await arena.finish('rolling update of three gateways')
  const took = times.map(ms => `${(ms / 1000).toFixed(1)} s`).join(', ')
  console.log(`${way}: ${ended - began} messages passed meanwhile, ${copies(result)} came twice; to leave took ${took}`)
  expect(result.duplicated.size, 'who leaves in order leaves nothing to be done again').toBe(0)
})
