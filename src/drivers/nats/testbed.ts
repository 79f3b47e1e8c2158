import { randomUUID } from 'node:crypto'
import { describe, SluiceError } from '../../core/errors.ts'
import { quiet } from '../../core/quiet-log.ts'
import type { TestAddress, Testbed } from '../../core/testbed.ts'
import { parseUrl } from './address.ts'
import { Api } from './api.ts'
import { Link } from './link.ts'
import { settingsOf } from './login.ts'
import { ensureStream } from './streams.ts'

export interface TestbedOptions {
  /** Such as `nats 2.15, JetStream`. */
  readonly label: string
  readonly url: string
  /** A port of the same machine on which nobody listens. */
  readonly closedPort: number
  /** Connection options that the server must refuse. */
  readonly unauthorized?: unknown
  /** Milliseconds a consumer waits for an ack. */
  readonly ackWaitMs?: number
  readonly restart?: () => Promise<void>
}

const PATIENCE_MS = 10_000

/** Streams on a real server for the conformance suite. */
export function streamTestbed(options: TestbedOptions): Testbed {
  const { ackWaitMs } = options
  const nowhere = `MISSING_${randomUUID()}`
  return {
    ...common(options),
    missing: () => ({ sink: { stream: nowhere, subject: 'nowhere' }, source: { stream: nowhere } }),
    async create(): Promise<TestAddress> {
      const name = `TEST_${randomUUID()}`
      await once(options, (api, signal) => ensureStream(api, name, { subjects: [name] }, signal))
      return {
        name,
        sink: { stream: name, subject: name },
        source: group => ({
          stream: name,
          consumer: group,
          ...(ackWaitMs === undefined ? {} : { ackWait: `${ackWaitMs}ms` }),
        }),
      }
    },
    drop: ({ name }) =>
      once(options, (api, signal) => api.ask(`STREAM.DELETE.${name}`, undefined, `deleting ${name}`, signal)),
    ...(options.restart === undefined ? {} : { restart: options.restart }),
    ...(ackWaitMs === undefined ? {} : { ackDeadlineMs: ackWaitMs }),
  }
}

/** Subjects of core NATS for the conformance suite. Nothing is kept for a group that begins to listen later. */
export function coreTestbed(options: TestbedOptions): Testbed {
  return {
    ...common(options),
    missing: () => ({ sink: { stream: 'MISSING', subject: 'nowhere' }, source: { stream: 'MISSING' } }),
    async create(): Promise<TestAddress> {
      const name = `test.${randomUUID()}`
      return { name, sink: { subject: name }, source: group => ({ subject: name, queue: group }) }
    },
    async drop() {},
  }
}

function common(options: TestbedOptions): Pick<Testbed, 'label' | 'available' | 'connection' | 'unreachable'> {
  const { label, url, closedPort, unauthorized } = options
  const host = parseUrl(url).servers[0]!.host
  return {
    label,
    available: async () => {
      try {
        await once(options, async () => {})
        return true
      } catch (error) {
        return `${label} cannot be had: ${describe(error)}. ${error instanceof SluiceError ? error.hint : ''}`
      }
    },
    connection: () => ({ url }),
    unreachable: () => ({ url: `nats://${host}:${closedPort}` }),
    ...(unauthorized === undefined ? {} : { unauthorized: () => unauthorized }),
  }
}

async function once({ url }: TestbedOptions, work: (api: Api, signal: AbortSignal) => Promise<unknown>): Promise<void> {
  const signal = AbortSignal.timeout(PATIENCE_MS)
  await using link = new Link(
    { url },
    settingsOf({ url }, 'testbed'),
    { name: 'testbed', log: quiet, baseDir: '.' },
    'testbed',
  )
  await work(new Api(await link.open(signal)), signal)
}
