import type { Driver, Features } from '../../core/ports.ts'
import { MAX_BYTES } from './broker.ts'
import { Client } from './client.ts'
import { MemoryConnection } from './connection.ts'
import { MemoryHub } from './hub.ts'
import { type ConnectionOptions, connectionSchema, SinkSchema, SourceSchema, schemeOf } from './options.ts'
import type { Mode } from './place.ts'

export interface MemoryDriverOptions {
  /** The brokers to talk to. Default: brokers of its own. */
  readonly hub?: MemoryHub
  /** `queue` (default): settled one by one, attempts counted · `log`: partitions, groups, committed positions. */
  readonly mode?: Mode
  /** Whether a publish call stores nothing behind a failed message of the same key. Default true. */
  readonly orderedBatch?: boolean
}

export interface MemoryDriver extends Driver {
  readonly hub: MemoryHub
  /**
   * As SIGKILL to the process this driver stands for: its sources expire, acks on their way are lost, and its calls are
   * never answered (they end when their signal aborts). The brokers live on; a new driver of the same hub is the new process.
   */
  kill(): void
}

/**
 * The reference driver: brokers inside this process that live as long as their hub, with faults on demand (MemoryBroker). As `queue` it is named
 * `memory`, as `log` `memory-log`; both may share a hub.
 */
export function createMemoryDriver(options: MemoryDriverOptions = {}): MemoryDriver {
  const { hub = new MemoryHub(), mode = 'queue', orderedBatch = true } = options
  const client = new Client()
  const features: Features = {
    redelivery: mode === 'queue' ? 'each' : 'from-oldest-unsettled',
    orderedBatch,
    groups: mode === 'log',
    headers: true,
    keys: true,
    tombstones: true,
    countsAttempts: mode === 'queue',
    durable: true,
    maxBytes: MAX_BYTES,
    keyOption: 'key',
    replies: 'own',
  }
  return {
    name: schemeOf(mode),
    schemes: [schemeOf(mode)],
    features,
    schema: { connection: connectionSchema(mode), source: SourceSchema[mode], sink: SinkSchema[mode] },
    hub,
    kill: () => client.kill(),
    connect: (connection, context) =>
      new MemoryConnection(connection as ConnectionOptions, context, { hub, client, mode, orderedBatch }),
    readBack(sinkOptions, group) {
      const { address } = sinkOptions as { address: unknown }
      return mode === 'queue' ? { address } : { address, group }
    },
  }
}

/** The driver for `memory://` as shipped: one hub for the whole process, so that whatever runs in it meets on its brokers. */
export const memory: Driver = createMemoryDriver()
