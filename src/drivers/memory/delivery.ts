import { Message, type Origin } from '../../core/message.ts'
import type { Delivery } from '../../core/ports.ts'
import type { DeliveryRecord } from './ledger.ts'
import type { Taken } from './place.ts'

/** What a delivery tells its source. */
export interface Settler {
  /** It was disposed of. */
  readonly closed: boolean
  settle(delivery: MemoryDelivery, how: 'ack' | 'release', delayMs: number): void
}

export class MemoryDelivery implements Delivery {
  readonly taken: Taken
  readonly message: Message
  readonly record: DeliveryRecord | undefined
  readonly #settler: Settler
  #settled = false

  constructor(taken: Taken, origin: Origin, record: DeliveryRecord | undefined, settler: Settler) {
    const { id, key, headers, bytes, timestamp, properties } = taken.stored
    this.taken = taken
    this.message = new Message({
      id,
      key,
      headers,
      bytes,
      timestamp,
      properties,
      subject: origin.address,
      source: origin,
    })
    this.record = record
    this.#settler = settler
  }

  get expired(): boolean {
    return !this.#settled && (this.#settler.closed || !this.taken.live)
  }

  ack(): void {
    this.#settle('ack', 0)
  }

  release(delayMs = 0): void {
    this.#settle('release', delayMs)
  }

  // Invariant 3: the first call wins. The ledger counts every call, so that tests see a second one.
  #settle(how: 'ack' | 'release', delayMs: number): void {
    this.record?.calls.push(how)
    if (this.#settled || this.expired) return
    this.#settled = true
    this.#settler.settle(this, how, delayMs)
  }
}
