import { randomUUID } from 'node:crypto'
import { describe, SluiceError } from '../../core/errors.ts'
import { quiet } from '../../core/quiet-log.ts'
import type { TestAddress, Testbed } from '../../core/testbed.ts'
import { dial } from './dial.ts'
import { Link, OpenLink } from './link.ts'
import { readLogin } from './login.ts'
import { assertPartitions } from './partition-topology.ts'
import { partitionNames } from './partitions.ts'
import { onScratch } from './scratch.ts'
import { assertQueue, deleteQueue } from './topology.ts'

export interface TestbedOptions {
  /** Such as `rabbitmq 4.0`. */
  readonly label: string
  readonly url: string
  /** A port of the same machine on which nobody listens. */
  readonly closedPort: number
  /** Kind of queue the tests use. */
  readonly type?: 'classic' | 'quorum'
  /** Addresses are this many partitions, by the message's own key. */
  readonly partitions?: number
  readonly restart?: () => Promise<void>
}

const PATIENCE_MS = 10_000
/** Where the key of a message travels. */
const KEY_HEADER = 'sluice-key'

/** Queues on a real broker for the conformance suite. */
export function rabbitTestbed(options: TestbedOptions): Testbed {
  const { label, url, closedPort, type = 'quorum', partitions, restart } = options
  const login = readLogin({ url }, 'testbed', '.')
  const once = async (work: (link: OpenLink, signal: AbortSignal) => Promise<unknown>) => {
    const signal = AbortSignal.timeout(PATIENCE_MS)
    const model = await dial(login, 'testbed', signal)
    try {
      await work(new OpenLink(model), signal)
    } finally {
      await model.close()
    }
  }
  const nowhere = `sluice.missing.${randomUUID()}`
  return {
    label,
    available: async () => {
      try {
        await once(async () => {})
        return true
      } catch (error) {
        const hint = error instanceof SluiceError ? error.hint : ''
        return `${label} cannot be had: ${describe(error)}. ${hint}`
      }
    },
    connection: () => ({ url }),
    unreachable: () => ({ url: `amqp://guest:guest@${login.hosts[0]!.hostname}:${closedPort}` }),
    unauthorized: () => ({ url, password: 'not-the-password' }),
    missing: () => ({ sink: { queue: nowhere, passive: true }, source: { queue: nowhere, passive: true } }),
    async create(): Promise<TestAddress> {
      const name = `sluice.test.${randomUUID()}`
      if (partitions !== undefined) {
        const source = { queue: name, type, partitions, partitionBy: { header: KEY_HEADER } }
        await once((link, signal) => assertPartitions(link, () => new Link(login, 'testbed', quiet), source, signal))
        return { name, sink: { exchange: name }, source: () => source }
      }
      await once((link, signal) => assertQueue(link, name, { type }, signal))
      return { name, sink: { queue: name, type }, source: () => ({ queue: name, type }) }
    },
    drop: ({ name }) =>
      once(async (link, signal) => {
        if (partitions === undefined) return deleteQueue(link, name, signal)
        for (const queue of partitionNames({ queue: name, partitions })) await deleteQueue(link, queue, signal)
        await onScratch(link, signal, channel => channel.deleteExchange(name))
      }),
    ...(restart === undefined ? {} : { restart }),
  }
}
