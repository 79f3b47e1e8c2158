import type { Message } from '../../core/message.ts'
import type { Delivery } from '../../core/ports.ts'

/** Who settles: the session the delivery came in. */
export interface Settler {
  /** False for ever once the session is over: the server delivers again what was not acknowledged. */
  readonly alive: boolean
  ack(delivery: StreamDelivery): void
  release(delivery: StreamDelivery, delayMs: number): void
}

/** One message of a consumer, in one session: settling after the session is over does nothing. */
export class StreamDelivery implements Delivery {
  readonly message: Message
  readonly sequence: number
  /** Bytes it keeps in memory, about. */
  readonly size: number
  /** Where the server awaits the ack; a later delivery of the same message has another. */
  reply: string
  /** performance.now() when the server last began to count `ackWait`. */
  touched: number
  readonly #settler: Settler
  #settled = false

  constructor(message: Message, sequence: number, size: number, reply: string, settler: Settler) {
    this.message = message
    this.sequence = sequence
    this.size = size
    this.reply = reply
    this.touched = performance.now()
    this.#settler = settler
  }

  get expired(): boolean {
    return !this.#settler.alive
  }

  ack(): void {
    // Invariant 3: each delivery is settled exactly once; the first call wins.
    if (this.#settled) return
    this.#settled = true
    this.#settler.ack(this)
  }

  release(delayMs = 0): void {
    if (this.#settled) return
    this.#settled = true
    this.#settler.release(this, delayMs)
  }
}
