import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin } from '@platformatic/kafka'
import { describe, SluiceError } from '../../core/errors.ts'
import type { TestAddress, Testbed } from '../../core/testbed.ts'
import { address } from './address.ts'
import { adminClient } from './client.ts'
import type { ConnectionOptions } from './connection-options.ts'
import { probe } from './probe.ts'

export interface TestbedOptions {
  /** Such as `kafka 4.4`. */
  readonly label: string
  readonly url: string
  /** A port of the same machine on which nobody listens. */
  readonly closedPort: number
  /** Connection options that the broker must refuse, where it checks logins. */
  readonly unauthorized?: ConnectionOptions
  readonly restart?: () => Promise<void>
}

const PATIENCE_MS = 60_000
const PARTITIONS = 3

/** Makes a topic and waits until the broker knows it: its answer comes before all of it has heard of the topic. */
export async function makeTopic(
  admin: Admin,
  name: string,
  partitions: number,
  configs: { readonly name: string; readonly value: string }[] = [],
): Promise<void> {
  await admin.createTopics({ topics: [name], partitions, replicas: 1, configs })
  const known = async () => {
    const { topics } = await admin.metadata({ topics: [name], forceUpdate: true })
    const found = topics.get(name)?.partitions ?? []
    return found.length === partitions && found.every(partition => (partition?.leader ?? -1) >= 0)
  }
  for (const end = Date.now() + PATIENCE_MS; !(await known().catch(() => false)); await sleep(20))
    if (Date.now() > end) throw new Error(`the topic ${name} was made, and after ${PATIENCE_MS} ms it has no leaders`)
}

/** Topics on a real broker for the conformance suite. */
export function kafkaTestbed({ label, url, closedPort, unauthorized, restart }: TestbedOptions): Testbed {
  const where = address({ url }, 'testbed', '.')
  const once = async (work: (admin: Admin) => Promise<unknown>) => {
    const admin = adminClient(where)
    try {
      await work(admin)
    } finally {
      await admin.close()
    }
  }
  const nowhere = `sluice.missing.${randomUUID()}`
  return {
    label,
    available: async () => {
      try {
        await probe(where, AbortSignal.timeout(PATIENCE_MS))
        return true
      } catch (error) {
        return `${label} cannot be had: ${describe(error)}. ${error instanceof SluiceError ? error.hint : ''}`
      }
    },
    connection: () => ({ url }),
    unreachable: () => ({ url: `kafka://${where.brokers[0]!.host}:${closedPort}` }),
    ...(unauthorized === undefined ? {} : { unauthorized: () => unauthorized }),
    missing: () => ({ sink: { topic: nowhere }, source: { topic: nowhere } }),
    async create(): Promise<TestAddress> {
      const name = `sluice.test.${randomUUID()}`
      await once(admin => makeTopic(admin, name, PARTITIONS))
      return {
        name,
        sink: { topic: name },
        source: group => ({ topic: name, group: `${name}.${group}`, from: 'earliest' }),
      }
    },
    drop: ({ name }) => once(admin => admin.deleteTopics({ topics: [name] })),
    ...(restart === undefined ? {} : { restart }),
  }
}
