import { afterAll, describe, it } from 'vitest'
import { pulsar } from '../../src/drivers/pulsar/driver.ts'
import { pulsarTestbed } from '../../src/drivers/pulsar/testbed.ts'
import { startBroker } from '../brokers/broker.ts'
import { given } from '../brokers/given.ts'
import { conformance } from './index.ts'

const CLOSED_PORT = 1
const RESTART = 16

for (const type of ['failover', 'key_shared'] as const) {
  const label = `pulsar 4.2 by WebSocket, ${type} subscriptions`
  const testbed = pulsarTestbed({ label, url: given('pulsar').url, closedPort: CLOSED_PORT, type })
  conformance({ driver: pulsar, testbed, except: [RESTART], runner: { describe, it } })
}

describe('a pulsar of its own', async () => {
  const broker = await startBroker('pulsar', { instance: 'restarted' })
  afterAll(() => broker[Symbol.asyncDispose]())
  const restart = () => broker.restart()
  const label = 'pulsar 4.2 by WebSocket'
  const own = pulsarTestbed({ label, url: broker.url, closedPort: CLOSED_PORT, restart })
  conformance({ driver: pulsar, testbed: own, only: [RESTART], runner: { describe, it } })
})
