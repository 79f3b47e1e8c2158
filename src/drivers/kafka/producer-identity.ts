import type { Admin, Connection } from '@platformatic/kafka'
import { negotiated } from './produce.ts'

/** Under which a broker recognises a batch that is sent twice. */
export interface Identity {
  readonly producerId: bigint
  readonly producerEpoch: number
}

// Only read for transactions, which have an identity of their own; brokers want a number.
const TRANSACTION_TIMEOUT = 60_000

type InitProducerId = [id: string | null, timeout: number, producerId: bigint | undefined, epoch: number | undefined]

/** The producer id of a sink: asked for once, and again when it was given up. */
export class ProducerIdentity {
  readonly #admin: Admin
  #current: Promise<Identity> | undefined

  constructor(admin: Admin) {
    this.#admin = admin
  }

  /** The identity for new batches; the connection is used when one has to be asked for. */
  get(connection: Connection): Promise<Identity> {
    this.#current ??= this.#ask(connection).catch((error: unknown) => {
      this.#current = undefined
      throw error
    })
    return this.#current
  }

  /** The next batches get a new identity. */
  giveUp(): void {
    this.#current = undefined
  }

  async #ask(connection: Connection): Promise<Identity> {
    const api = await negotiated<InitProducerId, Identity>(this.#admin, 'InitProducerId')
    const { producerId, producerEpoch } = await api.async(connection, null, TRANSACTION_TIMEOUT, undefined, undefined)
    return { producerId, producerEpoch }
  }
}
