import { createRequire } from 'node:module'
import { SluiceError } from '../../core/errors.ts'
import { withoutAborted } from './aborted-records.ts'
import { compressionCodecs } from './codecs.ts'
import { decodeRecord } from './record-decoder.ts'
import { isOver } from './socket.ts'

type Kafkajs = typeof import('kafkajs')

/** What one membership of a group is told around every (re)join; set on the cluster that kafkajs gives an assigner. */
export interface JoinHooks {
  /** Throws when the member is to join no more: kafkajs may be about to rejoin while it is being closed. */
  mayJoin(): void
  /** Before the member gives its partitions up. Never throws. */
  leaving(group: Group): Promise<void>
  /** After the member got partitions, before the first fetch. A throw ends the consumer. */
  joined(group: Group): Promise<void>
  /** After a failed attempt to join: waits and says whether to try again. kafkajs itself would end the consumer. */
  again(error: unknown, attempt: number): Promise<boolean>
}

/** kafkajs' ConsumerGroup, as far as we use it. */
export interface Group {
  readonly groupId: string
  readonly memberId: string | null
  readonly generationId: number | null
  readonly cluster: Cluster
  coordinator: Coordinator
  /** Through which commits go; made anew by each join. */
  readonly offsetManager: { coordinator: Coordinator } | null
  assigned(): readonly { readonly topic: string; readonly partitions: readonly number[] }[]
  heartbeat(options: { interval: number }): Promise<void>
  commitOffsets(offsets: { readonly topics: readonly CommitTopic[] }): Promise<void>
  pause(partitions: readonly { topic: string; partitions?: number[] }[]): void
  resume(partitions: readonly { topic: string; partitions?: number[] }[]): void
}

export interface CommitTopic {
  readonly topic: string
  readonly partitions: readonly { partition: number; offset: string; metadata?: string | null }[]
}

export interface Coordinator {
  offsetFetch(request: {
    groupId: string
    topics: readonly { topic: string; partitions: readonly { partition: number }[] }[]
  }): Promise<{
    responses: readonly {
      topic: string
      partitions: readonly { partition: number; offset: string; metadata: string | null }[]
    }[]
  }>
}

/** kafkajs' Cluster, as far as we use it. */
export interface Cluster {
  [joinHooks]?: JoinHooks
  findGroupCoordinator(request: { groupId: string }): Promise<Coordinator>
  fetchTopicsOffset(
    topics: readonly {
      topic: string
      partitions: readonly { partition: number }[]
      fromBeginning?: boolean
      fromTimestamp?: number
    }[],
  ): Promise<readonly { topic: string; partitions: readonly { partition: number; offset: string }[] }[]>
}

export const joinHooks = Symbol('sluice.kafka.join')
const mended = Symbol.for('sluice.kafkajs.mended')

const KNOWN_VERSION = '2.2.4'
const require = createRequire(import.meta.url)

interface ConsumerGroupClass {
  readonly prototype: { joinAndSync(this: Group): Promise<void> }
}
interface ConnectionClass {
  readonly prototype: {
    connect(this: { readonly socketFactory: { readonly [isOver]?: () => boolean } }): Promise<boolean>
  }
}
interface RequestQueueClass {
  readonly prototype: {
    scheduleCheckPendingRequests(this: { readonly pending: readonly unknown[]; readonly throttledUntil: number }): void
  }
}

/**
 * kafkajs 2.2.4 with things mended that its options do not reach; docs/adr/20261123-kafka-clients.md says why.
 * Idempotent. The version is pinned: another one has to be looked at again.
 */
export function loadKafkajs(): Kafkajs {
  const { version } = require('kafkajs/package.json') as { readonly version: string }
  if (version !== KNOWN_VERSION)
    throw new SluiceError('NOT_SUPPORTED', `kafkajs ${version} is installed; Sluice knows ${KNOWN_VERSION} from inside`)
  // The record decoder is bound when the first fetch is decoded, so it is replaced before kafkajs itself is loaded.
  const decoder = require.resolve('kafkajs/src/protocol/recordBatch/record/v0/decoder.js')
  // It lets records of aborted transactions through where several overlap.
  const filter = require.resolve('kafkajs/src/consumer/filterAbortedMessages.js')
  const kafkajs = replacingModule(decoder, decodeRecord, () =>
    replacingModule(filter, withoutAborted, () => require('kafkajs') as Kafkajs & { [mended]?: true }),
  )
  if (kafkajs[mended]) return kafkajs
  Object.defineProperty(kafkajs, mended, { value: true })
  Object.assign(kafkajs.CompressionCodecs, compressionCodecs)
  mendJoin(require('kafkajs/src/consumer/consumerGroup.js') as ConsumerGroupClass)
  mendConnect(require('kafkajs/src/network/connection.js') as ConnectionClass, kafkajs)
  mendTimer(require('kafkajs/src/network/requestQueue/index.js') as RequestQueueClass)
  return kafkajs
}

function replacingModule<T>(path: string, exports: unknown, load: () => T): T {
  require(path)
  const module = require.cache[path]
  if (module !== undefined) module.exports = exports
  return load()
}

/** kafkajs has no callback between learning of a rebalance and rejoining, nor between joining and the first fetch. */
function mendJoin(ConsumerGroup: ConsumerGroupClass): void {
  const joinAndSync = ConsumerGroup.prototype.joinAndSync
  ConsumerGroup.prototype.joinAndSync = async function (this: Group): Promise<void> {
    const hooks = this.cluster[joinHooks]
    await hooks?.leaving(this)
    for (let attempt = 1; ; attempt++) {
      hooks?.mayJoin()
      try {
        await joinAndSync.call(this)
        return await hooks?.joined(this)
      } catch (error) {
        if (!(await hooks?.again(error, attempt))) throw error
      }
    }
  }
}

/** True for the errors with which a broker tells a member that its generation is over. */
export function isRebalance(error: unknown): boolean {
  const type = (error as { readonly type?: unknown } | undefined)?.type
  return type === 'REBALANCE_IN_PROGRESS' || type === 'ILLEGAL_GENERATION' || type === 'UNKNOWN_MEMBER_ID'
}

/** A closed client connects no more: the error ends the retries that its `disconnect` leaves running. */
function mendConnect(Connection: ConnectionClass, { KafkaJSNonRetriableError }: Kafkajs): void {
  const connect = Connection.prototype.connect
  Connection.prototype.connect = async function (this): Promise<boolean> {
    if (this.socketFactory[isOver]?.()) throw new KafkaJSNonRetriableError('The client is closed')
    return connect.call(this)
  }
}

/** With nothing pending and no throttling it sets a timer for a moment in the past, at every answer: Node 24 warns. */
function mendTimer(RequestQueue: RequestQueueClass): void {
  const schedule = RequestQueue.prototype.scheduleCheckPendingRequests
  RequestQueue.prototype.scheduleCheckPendingRequests = function (this): void {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) schedule.call(this)
  }
}
