import type { Message } from '../../core/message.ts'
import type { Delivery } from '../../core/ports.ts'
import type { Received } from './transport.ts'

/** A message that is held: handed out, or waiting to be, or released and waiting to be handed out again. */
export interface Held {
  readonly received: Received
  readonly bytes: number
  /** Deliveries of it by this source so far. */
  times: number
}

/** Who settles: the subscription the message came on. */
export interface Settler {
  /** False for ever once the session is gone: the broker delivers again what was not acknowledged. */
  readonly alive: boolean
  acked(held: Held): void
  released(held: Held, delayMs: number): void
}

/** The duty to settle one message. */
export class PulsarDelivery implements Delivery {
  readonly message: Message
  readonly #held: Held
  readonly #settler: Settler
  #settled = false

  constructor(message: Message, held: Held, settler: Settler) {
    this.message = message
    this.#held = held
    this.#settler = settler
  }

  get expired(): boolean {
    return !this.#settler.alive
  }

  ack(): void {
    if (this.#first()) this.#settler.acked(this.#held)
  }

  release(delayMs = 0): void {
    if (this.#first()) this.#settler.released(this.#held, delayMs)
  }

  // Invariant 3: the first call settles, later ones do nothing.
  #first(): boolean {
    if (this.#settled) return false
    this.#settled = true
    return this.#settler.alive
  }
}
