import { setTimeout as sleep } from 'node:timers/promises'
import { describe, onTestFinished, test } from 'vitest'
import type { Broker } from '../brokers/broker.ts'
import { type FaultProxy, proxyFor } from '../brokers/proxy.ts'
import { carry } from './carry.ts'
import { privateBrokers } from './private-brokers.ts'
import { ways } from './stage.ts'

const brokers = privateBrokers('faults')

// Two missed heartbeats of 5 s, or a request that has waited 5 s: both sides give the connection up in the long ones.
// Each ends in a count at the target: lost 0, out of order 0, and how many came twice.
const atBroker: readonly (readonly [what: string, fault: (broker: Broker) => Promise<void>])[] = [
  ['restarted', broker => broker.restart()],
  [
    'killed and started again',
    async broker => {
      await broker.kill()
      await sleep(1_000)
      await broker.restart()
    },
  ],
  ['frozen for 22 s, longer than its heartbeat', broker => freeze(broker, 22_000)],
]

async function freeze(broker: Broker, ms: number): Promise<void> {
  broker.freeze()
  await sleep(ms)
  broker.thaw()
}

const atNetwork: readonly (readonly [what: string, fault: (proxy: FaultProxy) => Promise<void>])[] = [
  [
    'cut off three times',
    async proxy => {
      for (let i = 0; i < 3; i++) {
        await proxy.cut()
        await sleep(1_000)
        await proxy.restore()
        await sleep(700)
      }
    },
  ],
  [
    'behind a pulled cable for 15 s',
    async proxy => {
      proxy.stall()
      await sleep(15_000)
      proxy.resume()
    },
  ],
]

describe.each(ways)('%s', way => {
  for (const name of ['rabbit', 'kafka'] as const) {
    test.each(atBroker)(`${name} %s`, async (what, fault) => {
      const { rabbit, kafka } = brokers
      await carry({ way, rabbit, kafka, what: `${name} ${what}`, fault: () => fault(brokers[name]) })
    })

    test.each(atNetwork)(`${name} %s`, async (what, fault) => {
      const { rabbit, kafka } = brokers
      const proxy = await proxyFor(brokers[name])
      onTestFinished(() => proxy[Symbol.asyncDispose]())
      const through = name === 'rabbit' ? { rabbitUrl: proxy.url } : { kafkaUrl: proxy.url }
      await carry({ way, rabbit, kafka, ...through, what: `${name} ${what}`, fault: () => fault(proxy) })
    })
  }
})
