import { randomUUID } from 'node:crypto'
import { describe, SluiceError } from '../../core/errors.ts'
import type { TestAddress, Testbed } from '../../core/testbed.ts'
import { readAddress } from './address.ts'
import type { ConnectionOptions } from './connection-options.ts'
import type { SubscriptionType } from './transport.ts'
import { WsTransport } from './ws-transport.ts'

export interface TestbedOptions {
  /** Such as `pulsar 4.2 by WebSocket`. */
  readonly label: string
  /** `ws://…`; topics are made by writing to them. */
  readonly url: string
  /** A port of the same machine on which nobody listens. */
  readonly closedPort: number
  readonly type?: SubscriptionType
  /** Connection options that the broker must refuse, where it checks logins. */
  readonly unauthorized?: ConnectionOptions
  /** Deletes a topic; without it topics stay. */
  readonly drop?: (topic: string) => Promise<void>
  readonly restart?: () => Promise<void>
}

const PATIENCE_MS = 10_000

/** Topics on a real broker for the conformance suite. */
export function pulsarTestbed(options: TestbedOptions): Testbed {
  const { label, url, closedPort, type = 'failover', unauthorized, drop, restart } = options
  const transport = new WsTransport(readAddress({ url }, 'testbed', '.'))
  const nowhere = `public/missing-${randomUUID()}/topic`
  return {
    label,
    available: async () => {
      try {
        await transport.check(AbortSignal.timeout(PATIENCE_MS))
        return true
      } catch (error) {
        return `${label} cannot be had: ${describe(error)}. ${error instanceof SluiceError ? error.hint : ''}`
      }
    },
    connection: () => ({ url }),
    unreachable: () => ({ url: `ws://${new URL(url).hostname}:${closedPort}` }),
    ...(unauthorized === undefined ? {} : { unauthorized: () => unauthorized }),
    missing: () => ({ sink: { topic: nowhere }, source: { topic: nowhere } }),
    async create(): Promise<TestAddress> {
      const name = `sluice.test.${randomUUID()}`
      return { name, sink: { topic: name }, source: group => ({ topic: name, subscription: `${name}.${group}`, type }) }
    },
    drop: async ({ name }) => drop?.(name),
    ...(restart === undefined ? {} : { restart }),
  }
}
