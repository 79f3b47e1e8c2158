import { type Admin, addPartitionsToTxnV3, type Connection } from '@platformatic/kafka'
import { negotiated } from './produce.ts'
import type { Identity } from './producer-identity.ts'

export type Topics<P> = { readonly name: string; readonly partitions: P[] }[]
type AddOffsets = [id: string, producerId: bigint, epoch: number, group: string]
type EndTxn = [id: string, producerId: bigint, epoch: number, commit: boolean]

/** The requests of one transactional id that change its transaction, each over a connection to its coordinator. */
export class TransactionRequests {
  readonly #admin: Admin
  readonly #id: string

  constructor(admin: Admin, id: string) {
    this.#admin = admin
    this.#id = id
  }

  /** Version 3: later ones are for brokers. */
  async addPartitions(
    connection: Connection,
    { producerId, producerEpoch }: Identity,
    topics: Topics<number>,
  ): Promise<void> {
    const request = { transactionalId: this.#id, producerId, producerEpoch, verifyOnly: false, topics }
    await addPartitionsToTxnV3.api.async(connection, [request])
  }

  async addOffsets(connection: Connection, { producerId, producerEpoch }: Identity, group: string): Promise<void> {
    const api = await negotiated<AddOffsets, unknown>(this.#admin, 'AddOffsetsToTxn')
    await api.async(connection, this.#id, producerId, producerEpoch, group)
  }

  async end(connection: Connection, { producerId, producerEpoch }: Identity, commit: boolean): Promise<void> {
    const api = await negotiated<EndTxn, unknown>(this.#admin, 'EndTxn')
    await api.async(connection, this.#id, producerId, producerEpoch, commit)
  }
}
