import type { Origin } from '../../core/message.ts'
import { decodeTable } from './table-decode.ts'

/** What all deliveries of one source share. */
export interface Place {
  readonly connection: string
  readonly queue: string
  readonly stream: boolean
}

/** Where a RabbitMQ message was received. Most of it is asked for rarely, so it is worked out when asked for. */
export class RabbitOrigin implements Origin {
  readonly connection: string
  readonly address: string
  readonly #stream: boolean
  readonly #tag: number
  readonly #redelivered: boolean
  readonly #table: Buffer | undefined

  constructor(place: Place, tag: number, redelivered: boolean, table: Buffer | undefined) {
    this.connection = place.connection
    this.address = place.queue
    this.#stream = place.stream
    this.#tag = tag
    this.#redelivered = redelivered
    this.#table = table
  }

  get sequence(): string {
    return this.address
  }

  /** The offset in a stream, else the delivery tag, which means nothing outside its channel. */
  get position(): string {
    return this.#stream ? String(this.offset ?? this.#tag) : String(this.#tag)
  }

  /** Quorum queues count (`x-delivery-count`); the others only flag. */
  get attempt(): number {
    if (!this.#redelivered) return 1
    const count = brokerNumber(this.#table, 'x-delivery-count')
    return count === undefined ? 2 : Math.max(2, count + 1)
  }

  /** Only a stream gives its messages an identity. */
  get identity(): string | undefined {
    return this.#stream && this.offset !== undefined ? `${this.connection}/${this.address}/${this.offset}` : undefined
  }

  /** Offset in a stream. */
  get offset(): number | undefined {
    return this.#stream ? brokerNumber(this.#table, 'x-stream-offset') : undefined
  }
}

// A header that the broker adds; a malformed table has none.
function brokerNumber(table: Buffer | undefined, name: string): number | undefined {
  if (table === undefined) return undefined
  try {
    const value = decodeTable(table).findLast(entry => entry[0] === name)?.[1]
    const number = typeof value === 'bigint' ? Number(value) : value
    return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : undefined
  } catch {
    return undefined
  }
}
