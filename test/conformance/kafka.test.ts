import { afterAll, describe, it } from 'vitest'
import type { Testbed } from '../../src/core/testbed.ts'
import { kafka } from '../../src/drivers/kafka/driver.ts'
import { kafkaTestbed } from '../../src/drivers/kafka/testbed.ts'
import { startBroker } from '../brokers/broker.ts'
import { given } from '../brokers/given.ts'
import { KAFKA_SESSION_MS } from './entries.ts'
import { conformance } from './index.ts'

const CLOSED_PORT = 1
const RESTART = 16
const DEADLINE = 17
const label = 'kafka 4.4'

const { url, listeners } = given('kafka')
const secured = listeners['saslPlain']
const unauthorized = secured === undefined ? {} : { unauthorized: { url: `kafka://alice:not-the-password@${secured}` } }
const testbed = kafkaTestbed({ label, url, closedPort: CLOSED_PORT, ...unauthorized })
conformance({ driver: kafka, testbed, except: [RESTART, DEADLINE], runner: { describe, it } })

const hasty = { sessionTimeout: `${KAFKA_SESSION_MS}ms`, heartbeatInterval: '1s' }
const deadline: Testbed = {
  ...testbed,
  label: `${label}, session of ${KAFKA_SESSION_MS} ms`,
  ackDeadlineMs: KAFKA_SESSION_MS,
  async create() {
    const address = await testbed.create()
    return { ...address, source: group => ({ ...(address.source(group) as object), ...hasty }) }
  },
}
conformance({ driver: kafka, testbed: deadline, only: [DEADLINE], runner: { describe, it } })

describe('a kafka of its own', async () => {
  const broker = await startBroker('kafka', { instance: 'restarted' })
  afterAll(() => broker[Symbol.asyncDispose]())
  const own = kafkaTestbed({ label, url: broker.url, closedPort: CLOSED_PORT, restart: () => broker.restart() })
  conformance({ driver: kafka, testbed: own, only: [RESTART], runner: { describe, it } })
})
