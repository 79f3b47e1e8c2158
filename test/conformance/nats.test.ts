import { afterAll, describe, it } from 'vitest'
import { coreNats, nats } from '../../src/drivers/nats/driver.ts'
import { coreTestbed, streamTestbed } from '../../src/drivers/nats/testbed.ts'
import { startBroker } from '../brokers/broker.ts'
import { given } from '../brokers/given.ts'
import { NATS_ACK_WAIT_MS, NATS_CORE_SKIPS, NATS_STREAM_SKIPS } from './entries.ts'
import { conformance } from './index.ts'

const CLOSED_PORT = 1
const RESTART = 16
const label = 'nats 2.15'

const { url, where } = given('nats')
const common = {
  url,
  closedPort: CLOSED_PORT,
  ...(where === 'local' ? { unauthorized: { url, username: 'alice', password: 'not-the-password' } } : {}),
}

const streams = streamTestbed({ ...common, label: `${label}, JetStream`, ackWaitMs: NATS_ACK_WAIT_MS })
conformance({ driver: nats, testbed: streams, except: [RESTART], skip: NATS_STREAM_SKIPS, runner: { describe, it } })

const core = coreTestbed({ ...common, label: `${label}, core` })
conformance({ driver: coreNats, testbed: core, skip: NATS_CORE_SKIPS, runner: { describe, it } })

describe('a nats of its own', async () => {
  const broker = await startBroker('nats', { instance: 'restarted' })
  afterAll(() => broker[Symbol.asyncDispose]())
  const restart = () => broker.restart()
  const options = { ...common, label: `${label}, JetStream`, url: broker.url, ackWaitMs: NATS_ACK_WAIT_MS, restart }
  conformance({ driver: nats, testbed: streamTestbed(options), only: [RESTART], runner: { describe, it } })
})
