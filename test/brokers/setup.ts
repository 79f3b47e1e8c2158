import type { TestProject } from 'vitest/node'
import { type Broker, startBroker } from './broker.ts'
import { type BrokerInfo, type Kind, kinds } from './kinds.ts'
import { reapOrphans } from './local.ts'

declare module 'vitest' {
  interface ProvidedContext {
    rabbitmq4: BrokerInfo
    rabbitmq3: BrokerInfo
    kafka: BrokerInfo
    nats: BrokerInfo
    pulsar: BrokerInfo
    redis: BrokerInfo
    valkey: BrokerInfo
    /** Why a broker cannot be had, for those that cannot; given() throws it. */
    brokerTroubles: Partial<Record<Kind, string>>
  }
}

/**
 * Starts the shared brokers once for the whole run and tells the tests where they are. One that cannot be had fails the
 * tests that ask for it (given()), not the others. SLUICE_KEEP_BROKERS=1 leaves them running afterwards.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const pinned = process.env['SLUICE_KEEP_BROKERS'] === '1'
  const started: Broker[] = []
  const troubles: Partial<Record<Kind, string>> = {}
  await Promise.all(
    kinds.map(async kind => {
      try {
        const broker = await startBroker(kind, { pinned })
        started.push(broker)
        project.provide(kind, infoOf(broker))
      } catch (error) {
        troubles[kind] = error instanceof Error ? error.message : String(error)
        process.stderr.write(`\n${kind} cannot be had. ${troubles[kind]}\n\n`)
      }
    }),
  )
  project.provide('brokerTroubles', troubles)
  return async () => {
    await Promise.all(started.map(broker => broker[Symbol.asyncDispose]()))
    await reapOrphans()
  }
}

/** Only plain data gets through to the test workers. */
function infoOf(broker: Broker): BrokerInfo {
  const { kind, instance, where, url, listeners, management, monitoring, proxy, log } = broker
  return { kind, instance, where, url, listeners, management, monitoring, proxy, log }
}
