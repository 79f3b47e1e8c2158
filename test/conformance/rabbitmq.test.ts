import { afterAll, describe, it } from 'vitest'
import { rabbitmq } from '../../src/drivers/rabbitmq/driver.ts'
import { rabbitTestbed } from '../../src/drivers/rabbitmq/testbed.ts'
import { startBroker } from '../brokers/broker.ts'
import { given } from '../brokers/given.ts'
import { RABBITMQ_SKIPS } from './entries.ts'
import { conformance } from './index.ts'

const CLOSED_PORT = 1
const RESTART = 16
/** These wait for as many as may be in flight, of few keys. */
const FULL = [5, 11]

for (const [kind, version] of [
  ['rabbitmq4', '4.0'],
  ['rabbitmq3', '3.10'],
] as const) {
  for (const type of ['quorum', 'classic'] as const) {
    const label = `rabbitmq ${version}, ${type} queues`
    const testbed = rabbitTestbed({ label, url: given(kind).url, closedPort: CLOSED_PORT, type })
    conformance({ driver: rabbitmq, testbed, skip: RABBITMQ_SKIPS, except: [RESTART], runner: { describe, it } })
  }

  // What may be in flight is divided: not every partition fills its share.
  const inParts = rabbitTestbed({
    label: `rabbitmq ${version}, three partitions`,
    url: given(kind).url,
    closedPort: CLOSED_PORT,
    partitions: 3,
  })
  conformance({
    driver: rabbitmq,
    testbed: inParts,
    skip: RABBITMQ_SKIPS,
    except: [RESTART, ...FULL],
    runner: { describe, it },
  })

  describe(`a ${kind} of its own`, async () => {
    const broker = await startBroker(kind, { instance: 'restarted' })
    afterAll(() => broker[Symbol.asyncDispose]())
    const restart = () => broker.restart()
    const label = `rabbitmq ${version}, quorum queues`
    const testbed = rabbitTestbed({ label, url: broker.url, closedPort: CLOSED_PORT, restart })
    conformance({ driver: rabbitmq, testbed, only: [RESTART], runner: { describe, it } })
  })
}
