import { setTimeout as sleep } from 'node:timers/promises'
import type { ConfirmChannel } from 'amqplib'
import type { Order, OrderBook } from './orders.ts'
import { dial, hangUp } from './rabbit.ts'

export interface ShopOptions {
  readonly url: string
  readonly exchange: string
  readonly book: OrderBook
  /** Orders per second. */
  readonly rate: number
  readonly confirmed: (n: number) => void
}

const NEW = 0
const SENT = 1
const CONFIRMED = 2

/**
 * Publishes the orders, each until RabbitMQ confirms it: after a lost connection what is unconfirmed goes again, though
 * RabbitMQ may have it. Never two orders of one user are on the way, so that publishing again cannot swap them.
 */
export class Shop {
  readonly #options: ShopOptions
  readonly #state: Uint8Array
  readonly #sends: Uint8Array
  /** Everything below is confirmed. */
  #low = 0
  #next = 0
  #ceiling: number
  #confirmed = 0
  #again = 0
  /** Lost connections and opened ones: what an older one still says no longer counts. */
  #session = 0
  /** Orders that no queue was bound for; their confirm is still to come. */
  readonly #returned = new Set<number>()
  /** Only a confirm lets the next order go. */
  #windowFull = false
  #wake = () => {}

  constructor(options: ShopOptions) {
    this.#options = options
    this.#state = new Uint8Array(options.book.count)
    this.#sends = new Uint8Array(options.book.count)
    this.#ceiling = options.book.count
  }

  /** Orders that RabbitMQ has confirmed. */
  get confirmed(): number {
    return this.#confirmed
  }

  /** How often an order was published that had been published before. */
  get again(): number {
    return this.#again
  }

  get done(): boolean {
    return this.#low >= this.#options.book.count
  }

  /** Publishes no further than this order until told otherwise. */
  holdAt(n: number): void {
    this.#ceiling = n
    this.#wake()
  }

  /** Resolves when every order is confirmed; rejects only when the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!this.done) {
      signal.throwIfAborted()
      try {
        await this.#open(signal)
      } catch {
        // RabbitMQ is away. It comes back, or the demo gives up and aborts the signal.
        await sleep(100, undefined, { signal })
      }
    }
  }

  async #open(signal: AbortSignal): Promise<void> {
    const connection = await dial(this.#options.url)
    try {
      const channel = await connection.createConfirmChannel()
      const session = ++this.#session
      const closed = new AbortController()
      for (const emitter of [channel, connection])
        emitter.once('close', () => {
          closed.abort()
          this.#wake()
        })
      channel.on('error', () => {})
      channel.on('return', message => void this.#returned.add(numberOf(message.properties.messageId)))
      this.#returned.clear()
      for (let n = this.#low; n < this.#options.book.count; n++) if (this.#state[n] === SENT) this.#state[n] = NEW
      this.#next = this.#low
      const ended = AbortSignal.any([closed.signal, signal])
      await this.#publish(channel, session, ended)
    } finally {
      this.#session++
      await hangUp(connection)
    }
  }

  async #publish(channel: ConfirmChannel, session: number, ended: AbortSignal): Promise<void> {
    const { book, rate } = this.#options
    let allowed = 0
    let then = performance.now()
    while (!ended.aborted && !this.done) {
      const now = performance.now()
      allowed = Math.min(allowed + ((now - then) * rate) / 1000, rate / 20)
      then = now
      const end = Math.min(book.count, this.#ceiling, this.#low + book.users)
      for (; this.#next < end && allowed >= 1; this.#next++) {
        if (this.#state[this.#next] !== NEW) continue
        this.#send(channel, session, book.order(this.#next))
        allowed--
      }
      this.#windowFull = this.#next === this.#low + book.users
      await this.#pause(5)
    }
  }

  #send(channel: ConfirmChannel, session: number, order: Order): void {
    const { n } = order
    const copy = ++this.#sends[n]!
    if (copy > 1) this.#again++
    this.#state[n] = SENT
    const properties = {
      messageId: `${this.#options.book.run}-${n}`,
      headers: { run: this.#options.book.run, order: order.id, user_id: order.user, copy },
      contentType: 'application/json',
      timestamp: Math.floor(Date.now() / 1000),
      persistent: true,
      mandatory: true,
    }
    channel.publish(this.#options.exchange, order.routingKey, order.body, properties, refused => {
      if (session !== this.#session) return
      if (refused || this.#returned.delete(n)) return this.#mustGoAgain(n)
      this.#state[n] = CONFIRMED
      this.#confirmed++
      this.#options.confirmed(n)
      while (this.#state[this.#low] === CONFIRMED) this.#low++
      if (this.#windowFull || this.done) this.#wake()
    })
  }

  // Nacked, or returned because no queue is bound (yet): a return comes before the confirm of the same message.
  #mustGoAgain(n: number): void {
    this.#state[n] = NEW
    this.#next = Math.min(this.#next, n)
  }

  #pause(ms: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

/** The number of an order in a message id of the shop. */
export function numberOf(messageId: string): number {
  return Number(messageId.slice(messageId.lastIndexOf('-') + 1))
}
