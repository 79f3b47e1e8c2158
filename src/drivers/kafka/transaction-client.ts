import type { Admin, Connection } from '@platformatic/kafka'
import { SluiceError } from '../../core/errors.ts'
import { abortable, pause } from '../../core/waiting.ts'
import type { Address } from './address.ts'
import { adminClient } from './client.ts'
import { kafkaError, kafkaName } from './errors.ts'
import type { Group } from './kafkajs.ts'
import { OpenTransaction } from './open-transaction.ts'
import { negotiated } from './produce.ts'
import type { Identity } from './producer-identity.ts'
import { type Topics, TransactionRequests } from './transaction-requests.ts'

/** Kafka's answers that ask for patience; the coordinator may have moved meanwhile. */
const LATER: ReadonlySet<string> = new Set([
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
  'REQUEST_TIMED_OUT',
  'CONCURRENT_TRANSACTIONS',
])
/** The markers of the transaction before are still being written: a matter of milliseconds. */
const SHORT_PAUSE = 10
const LONGEST_PAUSE = 1_000
const [GROUP, TRANSACTION] = [0, 1] as const
/** The first OffsetFetch that can ask for stable offsets, and the first TxnOffsetCommit that names the generation. */
const [STABLE, FENCED] = [7, 3] as const

export interface OffsetOf {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly metadata: string
}

interface Coordinator {
  readonly host: string
  readonly port: number
}
type InitProducerId = [id: string, timeout: number, producerId: bigint | undefined, epoch: number | undefined]
type CommittedPartition = {
  partitionIndex: number
  committedOffset: bigint
  committedLeaderEpoch: number
  committedMetadata: string
}
type TxnOffsetCommit = [
  ...[id: string, group: string, producerId: bigint, epoch: number],
  ...[generation: number, member: string, instance: string | null, topics: Topics<CommittedPartition>],
]
type FetchedTopics = {
  name: string
  partitions: { partitionIndex: number; committedOffset: bigint; metadata: string | null }[]
}[]

/**
 * The requests of one transactional id. Each finds its coordinator, waits out what passes by itself, and throws what does not,
 * or the signal's reason.
 */
export class TransactionClient implements AsyncDisposable {
  readonly admin: Admin
  readonly #id: string
  readonly #bootstrap: readonly Coordinator[]
  readonly #coordinators = new Map<string, Coordinator>()
  readonly #requests: TransactionRequests
  /** The one under way; replaced when it has ended. */
  #open: OpenTransaction
  /** The offsets that were added last. */
  #offsets: { readonly groupId: string; readonly offsets: readonly OffsetOf[] } | undefined

  constructor(address: Address, id: string) {
    this.#id = id
    this.admin = adminClient(address)
    this.#requests = new TransactionRequests(this.admin, id)
    this.#open = this.#next()
    this.#bootstrap = address.brokers
  }

  #next(): OpenTransaction {
    return new OpenTransaction(this.admin, this.#requests)
  }

  /** A new epoch: fences every earlier one of this id and aborts what it left open. `timeout` in ms. */
  identify(timeout: number, signal: AbortSignal): Promise<Identity> {
    return this.#ask(TRANSACTION, this.#id, signal, async connection => {
      await this.#open.led(connection)
      const api = await negotiated<InitProducerId, Identity>(this.admin, 'InitProducerId')
      const { producerId, producerEpoch } = await api.async(connection, this.#id, timeout, undefined, undefined)
      await this.#open.sweep(connection, { producerId, producerEpoch }, () => this.#committed(signal))
      this.#open = this.#next()
      return { producerId, producerEpoch }
    })
  }

  // All offsets of a transaction become visible together. Those that cannot be told yet are not committed.
  async #committed(signal: AbortSignal): Promise<boolean> {
    const { groupId, offsets } = this.#offsets!
    try {
      const found = await this.stableOffsets(groupId, offsets, signal)
      return offsets.every(wanted =>
        found.some(
          one =>
            one.topic === wanted.topic &&
            one.partition === wanted.partition &&
            one.offset === wanted.offset &&
            one.metadata === wanted.metadata,
        ),
      )
    } catch (error) {
      if (kafkaName(error) === 'UNSTABLE_OFFSET_COMMIT') return false
      throw error
    }
  }

  /** Must come before the first record for a partition. */
  addPartitions(
    identity: Identity,
    partitions: readonly { readonly topic: string; readonly partition: number }[],
    signal: AbortSignal,
  ): Promise<void> {
    const topics = byName(partitions, ({ partition }) => partition)
    for (const { topic, partition } of partitions) this.#open.wrote(topic, partition)
    return this.#ask(TRANSACTION, this.#id, signal, connection =>
      this.#requests.addPartitions(connection, identity, topics),
    )
  }

  /**
   * Adds offsets of the group. The broker refuses them when the group has gone on without this member (KIP-447): so a
   * gateway that was frozen or cut off cannot finish what another has taken over.
   */
  async commitOffsets(
    identity: Identity,
    { groupId, generationId, memberId }: Group,
    offsets: readonly OffsetOf[],
    signal: AbortSignal,
  ): Promise<void> {
    this.#offsets = { groupId, offsets }
    this.#open.took(groupId)
    await this.#ask(TRANSACTION, this.#id, signal, connection =>
      this.#requests.addOffsets(connection, identity, groupId),
    )
    const { producerId, producerEpoch } = identity
    const topics = byName(offsets, ({ partition, offset, metadata }) => ({
      partitionIndex: partition,
      committedOffset: BigInt(offset),
      committedLeaderEpoch: -1,
      committedMetadata: metadata,
    }))
    await this.#ask(GROUP, groupId, signal, async connection => {
      const api = await negotiated<TxnOffsetCommit, unknown>(this.admin, 'TxnOffsetCommit')
      if (api.version < FENCED) throw tooOld()
      const member = [generationId ?? -1, memberId ?? '', null] as const
      await api.async(connection, this.#id, groupId, producerId, producerEpoch, ...member, topics)
    })
  }

  /** Idempotent: a commit whose answer was lost may be asked for again. */
  commit(identity: Identity, signal: AbortSignal): Promise<void> {
    const open = this.#open
    let again = false
    return this.#ask(TRANSACTION, this.#id, signal, async connection => {
      if (again) await open.led(connection)
      again = true
      open.committing()
      await this.#requests.end(connection, identity, true)
      // An answer that comes after the transaction was given up ends no other.
      if (this.#open === open) this.#open = this.#next()
    })
  }

  /** What the group has committed. Throws UNSTABLE_OFFSET_COMMIT while a transaction with offsets of these partitions is open. */
  async stableOffsets(
    groupId: string,
    partitions: readonly { readonly topic: string; readonly partition: number }[],
    signal: AbortSignal,
  ): Promise<readonly OffsetOf[]> {
    const topics = byName(partitions, ({ partition }) => partition)
    const wanted = topics.map(({ name, partitions: partitionIndexes }) => ({ name, partitionIndexes }))
    const found = await this.#ask(GROUP, groupId, signal, async connection => {
      const api = await negotiated<
        [groups: unknown[], stable: boolean],
        { topics?: FetchedTopics; groups: { topics: FetchedTopics }[] }
      >(this.admin, 'OffsetFetch')
      if (api.version < STABLE) throw tooOld()
      const answer = await api.async(connection, [{ groupId, memberEpoch: -1, topics: wanted }], true)
      return answer.topics ?? answer.groups[0]?.topics ?? []
    })
    return found.flatMap(topic =>
      topic.partitions.map(({ partitionIndex, committedOffset, metadata }) => ({
        topic: topic.name,
        partition: partitionIndex,
        offset: Number(committedOffset),
        metadata: metadata ?? '',
      })),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.admin.close().catch(() => {})
  }

  async #ask<T>(
    kind: typeof GROUP | typeof TRANSACTION,
    key: string,
    signal: AbortSignal,
    send: (connection: Connection) => Promise<T>,
  ): Promise<T> {
    for (let failures = 0; ; failures++) {
      try {
        return await abortable(this.#send(kind, key, send), signal)
      } catch (error) {
        signal.throwIfAborted()
        if (!passes(error)) throw error
        if (kafkaName(error) === 'CONCURRENT_TRANSACTIONS')
          await pause(SHORT_PAUSE * Math.min(failures + 1, 10), signal)
        else {
          this.#coordinators.delete(`${kind} ${key}`)
          await pause(Math.min(100 * 2 ** failures, LONGEST_PAUSE), signal)
        }
        signal.throwIfAborted()
      }
    }
  }

  async #send<T>(kind: number, key: string, send: (connection: Connection) => Promise<T>): Promise<T> {
    const known = this.#coordinators.get(`${kind} ${key}`) ?? (await this.#find(kind, key))
    return send(await this.admin.connections.get(known))
  }

  async #find(kind: number, key: string): Promise<Coordinator> {
    const connection = await this.admin.connections.getFirstAvailable([...this.#bootstrap])
    const api = await negotiated<[kind: number, keys: string[]], { coordinators: Coordinator[] }>(
      this.admin,
      'FindCoordinator',
    )
    const { coordinators } = await api.async(connection, kind, [key])
    const { host, port } = coordinators[0]!
    this.#coordinators.set(`${kind} ${key}`, { host, port })
    return { host, port }
  }
}

function passes(error: unknown): boolean {
  const name = kafkaName(error)
  return name === undefined ? kafkaError(error, 'asking').fate === 'retry' : LATER.has(name)
}

const tooOld = () =>
  new SluiceError(
    'NOT_SUPPORTED',
    'the broker cannot tie transactions to the members of a group (Kafka 2.5 and later can)',
  )

function byName<E extends { readonly topic: string }, P>(entries: readonly E[], to: (entry: E) => P): Topics<P> {
  const topics = new Map<string, P[]>()
  for (const entry of entries) {
    const list = topics.get(entry.topic)
    if (list === undefined) topics.set(entry.topic, [to(entry)])
    else list.push(to(entry))
  }
  return [...topics].map(([name, partitions]) => ({ name, partitions }))
}
