import type { Message } from '../../core/message.ts'
import type { Delivery } from '../../core/ports.ts'
import { CoreOrigin } from './origin.ts'

/** Who settles: the subscription the delivery came from. */
export interface CoreSettler {
  /** False once the subscription has ended: nobody delivers again what was not settled. */
  readonly alive: boolean
  settled(delivery: CoreDelivery): void
  again(delivery: CoreDelivery, delayMs: number): void
}

/** One message of core NATS. There is nobody to ack it to; released, it is handed out again by Sluice itself. */
export class CoreDelivery implements Delivery {
  readonly message: Message
  /** Bytes it keeps in memory, about. */
  readonly size: number
  readonly #settler: CoreSettler
  #settled = false

  constructor(message: Message, size: number, settler: CoreSettler) {
    this.message = message
    this.size = size
    this.#settler = settler
  }

  get expired(): boolean {
    return !this.#settler.alive
  }

  ack(): void {
    // Invariant 3: each delivery is settled exactly once; the first call wins.
    if (this.#settled) return
    this.#settled = true
    if (this.#settler.alive) this.#settler.settled(this)
  }

  release(delayMs = 0): void {
    if (this.#settled) return
    this.#settled = true
    if (this.#settler.alive) this.#settler.again(this, delayMs)
  }

  /** The same message, handed out once more. */
  next(): CoreDelivery {
    const { source } = this.message
    const again = source instanceof CoreOrigin ? source.again() : source
    return new CoreDelivery(this.message.with({ source: again }), this.size, this.#settler)
  }
}
