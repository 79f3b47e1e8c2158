import type { Stored } from './stored.ts'

/** A message as it was handed out once, and what became of it. */
export interface DeliveryRecord {
  readonly address: string
  readonly id: string
  readonly position: string
  readonly attempt: number
  /** Every call on the delivery, in order. More than one entry: it was settled more than once. */
  readonly calls: ('ack' | 'release')[]
  /** What reached the broker; undefined = nothing (yet). */
  outcome: 'acked' | 'released' | undefined
}

/** What happened on a broker, for tests. Kept for ever: only brokers that are told to record have one. */
export class Ledger {
  readonly deliveries: DeliveryRecord[] = []
  readonly #published = new Map<string, Stored[]>()

  stored(address: string, stored: Stored): void {
    const list = this.#published.get(address)
    if (list === undefined) this.#published.set(address, [stored])
    else list.push(stored)
  }

  delivered(address: string, id: string, position: string, attempt: number): DeliveryRecord {
    const record: DeliveryRecord = { address, id, position, attempt, calls: [], outcome: undefined }
    this.deliveries.push(record)
    return record
  }

  /** All that was ever stored at the address, in order. */
  published(address: string): readonly Stored[] {
    return this.#published.get(address) ?? []
  }

  /** Deliveries on which ack or release was called more than once. */
  settledTwice(): readonly DeliveryRecord[] {
    return this.deliveries.filter(record => record.calls.length > 1)
  }
}
