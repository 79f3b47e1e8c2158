import type { Message } from '../../core/message.ts'
import type { Delivery } from '../../core/ports.ts'
import type { Held } from './inbox.ts'

/** Told when deliveries of a tenure that still lasts are settled. */
export interface Settlement {
  acked(held: Held): void
  released(held: Held, delayMs: number): void
}

/** The duty to settle one record. */
export class KafkaDelivery implements Delivery {
  readonly held: Held
  readonly #settlement: Settlement
  #settled = false

  constructor(held: Held, settlement: Settlement) {
    this.held = held
    this.#settlement = settlement
  }

  get message(): Message {
    return this.held.message
  }

  get expired(): boolean {
    return this.held.tenure.ended
  }

  ack(): void {
    if (this.#first()) this.#settlement.acked(this.held)
  }

  release(delayMs = 0): void {
    if (this.#first()) this.#settlement.released(this.held, delayMs)
  }

  // Invariant 3: the first call settles, later ones do nothing. Invariant 2: nor does one after the assignment ended.
  #first(): boolean {
    if (this.#settled) return false
    this.#settled = true
    return !this.held.tenure.ended
  }
}
