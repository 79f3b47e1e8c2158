import type { SluiceError } from '../../core/errors.ts'
import { Continuation, type Marks } from './continuation.ts'
import { type Held, PulsarDelivery, type Settler } from './delivery.ts'
import { heldBytes, toMessage } from './record.ts'
import {
  type ConsumerLink,
  type ConsumerListener,
  type ConsumerSettings,
  NACK_DELAY_MS,
  type Received,
  type Transport,
} from './transport.ts'
import { Window } from './window.ts'

/** What the subscriptions of one source share. */
export interface Desk {
  /** Name of the connection. */
  readonly connection: string
  /** Something is to be handed out. */
  deliver(delivery: PulsarDelivery): void
  lost(error: SluiceError): void
}

/** Most messages and bytes, about, that one subscription holds. */
export interface Limits {
  readonly count: number
  readonly bytes: number
}

/** One consumer of one topic (or pattern): what it holds, settled with the broker. */
export class Subscription implements Settler, ConsumerListener {
  readonly #desk: Desk
  readonly #window: Window
  /** Messages can be given back one by one, for whoever comes first; else that would deliver again all that is out. */
  readonly #givesBack: boolean
  readonly #continuation: Continuation | undefined
  readonly #held = new Map<string, Held>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #link: ConsumerLink | undefined
  #alive = true
  #reading = false

  private constructor(desk: Desk, settings: ConsumerSettings, limits: Limits, marks: Marks) {
    this.#desk = desk
    this.#window = new Window(limits.count, limits.bytes)
    this.#givesBack = settings.type === 'shared'
    // In a compacted topic nothing follows anything.
    if (settings.type === 'failover' && !settings.readCompacted)
      this.#continuation = new Continuation(marks, error => this.lost(error))
  }

  static async open(
    transport: Transport,
    settings: ConsumerSettings,
    limits: Limits,
    marks: Marks,
    desk: Desk,
    signal: AbortSignal,
  ): Promise<Subscription> {
    const subscription = new Subscription(desk, settings, limits, marks)
    subscription.#link = await transport.subscribe(settings, subscription, signal)
    return subscription
  }

  get alive(): boolean {
    return this.#alive
  }

  /** Messages that are held and not settled. */
  get held(): number {
    return this.#held.size
  }

  /** Lets messages come from now on. */
  start(): void {
    this.#reading = true
    this.#permit()
  }

  /** Lets no more come; what was permitted before may still. */
  stop(): void {
    this.#reading = false
  }

  #permit(): void {
    if (!this.#reading || !this.#alive) return
    const count = this.#window.grant()
    if (count > 0) this.#link?.permit(count)
  }

  received(received: Received): void {
    if (!this.#alive) return
    // After a reconnect of its own, the broker's client library delivers again what is still out here. That is settled
    // under the same token, so nothing is to be done.
    if (this.#held.has(received.token)) return this.#passOver()
    if (this.#continuation?.passes(received) === false) return this.#passOver()
    const held: Held = { received, bytes: heldBytes(received), times: 0 }
    this.#held.set(received.token, held)
    this.#window.arrived(held.bytes)
    this.#handOut(held)
    this.#permit()
  }

  lost(error: SluiceError): void {
    if (!this.#alive) return
    this.#end()
    this.#desk.lost(error)
  }

  #passOver(): void {
    this.#window.passedOver()
    this.#permit()
  }

  #handOut(held: Held): void {
    held.times++
    const attempt = held.received.redeliveryCount + held.times
    this.#desk.deliver(new PulsarDelivery(toMessage(held.received, this.#desk.connection, attempt), held, this))
  }

  acked(held: Held): void {
    this.#link?.ack(held.received)
    this.#forget(held)
  }

  released(held: Held, delayMs: number): void {
    if (this.#givesBack)
      this.#after(delayMs - NACK_DELAY_MS, () => {
        this.#link?.nack(held.received)
        this.#forget(held)
      })
    else this.#after(delayMs, () => this.#handOut(held))
  }

  #forget(held: Held): void {
    this.#held.delete(held.received.token)
    this.#window.settled(held.bytes)
    this.#permit()
  }

  #after(ms: number, work: () => void): void {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer)
        if (this.#alive) work()
      },
      Math.max(0, ms),
    )
    this.#timers.add(timer)
  }

  #end(): void {
    if (!this.#alive) return
    this.#alive = false
    this.#continuation?.end([...this.#held.values()].map(({ received }) => received))
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    this.#held.clear()
  }

  /** What is not settled comes again, to whoever consumes next. */
  async close(signal: AbortSignal): Promise<void> {
    this.#end()
    await this.#link?.close(signal)
  }
}
