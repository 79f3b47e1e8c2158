import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { proxyFor } from '../brokers/proxy.ts'
import { carry } from './carry.ts'
import { privateBrokers } from './private-brokers.ts'
import { ways } from './stage.ts'

const brokers = privateBrokers('dedup')

// With dedup on, the gateway alive and its store with it, what the source delivers again is recognised: not one copy,
// whatever breaks on the source's side. (Where the target breaks, Kafka's own sequence numbers do the same.)
const DEDUP = '    dedup: { by: "${body.id}", window: 10m, store: memory }\n'

describe.each(ways)('%s, with dedup', way => {
  test('the source restarted and cut off five times: duplicates 0', async () => {
    const { rabbit, kafka } = brokers
    const source = way === 'rabbitmq → kafka' ? rabbit : kafka
    const proxy = await proxyFor(source)
    onTestFinished(() => proxy[Symbol.asyncDispose]())
    const through = source === rabbit ? { rabbitUrl: proxy.url } : { kafkaUrl: proxy.url }
    const { copies } = await carry({
      way,
      rabbit,
      kafka,
      ...through,
      route: DEDUP,
      what: 'dedup in memory, source cut off five times and restarted',
      async fault() {
        for (let i = 0; i < 5; i++) {
          await proxy.cut()
          await sleep(200)
          await proxy.restore()
          await sleep(600)
        }
        await source.restart()
      },
    })
    expect(copies).toBe(0)
  })
})

// RabbitMQ cannot be asked what it has: a publish whose confirm the killed gateway did not live to see may be repeated. What
// was confirmed and remembered is not.
test('kafka → rabbitmq, with dedup in a file: a killed gateway repeats no more than what was in doubt', async () => {
  const { rabbit, kafka } = brokers
  const batch = { size: 50, concurrency: 2 }
  const { copies } = await carry({
    way: 'kafka → rabbitmq',
    rabbit,
    kafka,
    route: `    dedup: { by: "\${body.id}", store: file }\n    batch: ${JSON.stringify(batch)}\n`,
    what: 'dedup in a file, gateway killed 3 times',
    async fault(stage, _, first, folder) {
      let gateway = first
      for (let kill = 1; kill <= 3; kill++) {
        await gateway.kill()
        const before = (await stage.gauge.count()) ?? 0
        gateway = await folder.start()
        await stage.gauge.reaches(before + 500)
      }
      return gateway
    },
  })
  expect(copies).toBeLessThanOrEqual(3 * batch.size * batch.concurrency)
})
