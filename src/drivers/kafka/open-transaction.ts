import type { Admin, Connection } from '@platformatic/kafka'
import { SluiceError } from '../../core/errors.ts'
import { parts } from './errors.ts'
import { negotiated } from './produce.ts'
import type { Identity } from './producer-identity.ts'
import type { TransactionRequests } from './transaction-requests.ts'

interface Leaders {
  readonly topics: readonly {
    readonly name: string | null
    readonly partitions: readonly { readonly partitionIndex: number; readonly leaderId: number }[]
  }[]
}

/**
 * What the open transaction of an id has touched, and how it is ended where brokers do not. A broker that has just started
 * takes a partition of which it knows no leader yet for deleted, and leaves its marker out when it ends a transaction
 * (TransactionMarkerChannelManager with KRaftMetadataCache, seen on Kafka 4.4): the records stay open there, and the commit of
 * the next transaction of this id makes them visible.
 */
export class OpenTransaction {
  readonly #admin: Admin
  readonly #requests: TransactionRequests
  readonly #written = new Map<string, Set<number>>()
  #group: string | undefined
  #committing = false

  constructor(admin: Admin, requests: TransactionRequests) {
    this.#admin = admin
    this.#requests = requests
  }

  wrote(topic: string, partition: number): void {
    this.#written.set(topic, (this.#written.get(topic) ?? new Set()).add(partition))
  }

  /** Offsets of this group are part of it. */
  took(group: string): void {
    this.#group = group
  }

  /** From now on it may be committed whatever we hear. */
  committing(): void {
    this.#committing = true
  }

  /** Throws UNAVAILABLE while the coordinator knows no leader of a partition the transaction has written to. */
  async led(connection: Connection): Promise<void> {
    if (this.#written.size === 0) return
    const api = await negotiated<[topics: string[], create: boolean], Leaders>(this.#admin, 'Metadata')
    const { topics } = await api.async(connection, [...this.#written.keys()], false).catch((error: unknown) => {
      // With an error for any partition the whole answer arrives as an error that carries it.
      for (const part of parts(error)) {
        const { response } = part as { readonly response?: Leaders }
        if (Array.isArray(response?.topics)) return response
      }
      throw error
    })
    for (const { name, partitions } of topics)
      for (const { partitionIndex, leaderId } of partitions)
        if (leaderId < 0 && this.#written.get(name ?? '')?.has(partitionIndex))
          throw new SluiceError('UNAVAILABLE', `${name}/${partitionIndex} has no leader now`)
  }

  /**
   * Under a new epoch, after the broker has ended it: aborts once more whatever it has touched, so that nothing of it is open
   * where its marker was left out.
   * @param committed asked only where its commit may have reached the broker: then it is left as it is
   */
  async sweep(connection: Connection, identity: Identity, committed: () => Promise<boolean>): Promise<void> {
    if (this.#written.size === 0 || (this.#committing && (await committed()))) return
    const topics = [...this.#written].map(([name, partitions]) => ({ name, partitions: [...partitions] }))
    await this.#requests.addPartitions(connection, identity, topics)
    if (this.#group !== undefined) await this.#requests.addOffsets(connection, identity, this.#group)
    await this.#requests.end(connection, identity, false)
  }
}
