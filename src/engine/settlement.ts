import type { SluiceError } from '../core/errors.ts'
import type { Delivery } from '../core/ports.ts'
import type { DeadLetters } from './dead-letter.ts'
import type { Dedup } from './dedup.ts'
import { Item, type Outcome } from './item.ts'
import { OnLine } from './on-line.ts'
import type { RequestOwner, Requests } from './requests.ts'
import type { Unfinished } from './unfinished.ts'

export interface SettlementOptions {
  readonly dedup: Dedup | undefined
  /** undefined = nothing is ever put aside. */
  readonly deadLetters: DeadLetters | undefined
  /** Those items that are requests, on a route with `reply`. */
  readonly requests?: Requests | undefined
  /** Items that came onto the line. */
  readonly received?: ((items: readonly Item[]) => void) | undefined
  /** An item left the line; `item.outcome` says how. */
  readonly left: (item: Item) => void
}

/** The end of the line. Invariant 1: a source message is acked only after the target, or the dead-letter target, has confirmed. */
export class Settlement implements RequestOwner {
  readonly #options: SettlementOptions
  readonly #unfinished: Unfinished
  readonly #onLine = new OnLine()
  #inFlight = 0

  constructor(options: SettlementOptions, unfinished: Unfinished) {
    this.#options = options
    this.#unfinished = unfinished
    options.requests?.attach(this)
  }

  /** Items on the line: received and neither settled nor dropped. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** How long the oldest item has been on the line, in ms; undefined = there is none. */
  get oldestMs(): number | undefined {
    const { first } = this.#onLine
    return first === undefined ? undefined : Math.round(performance.now() - first.receivedAt)
  }

  /** Puts deliveries on the line. */
  received(deliveries: readonly Delivery[]): readonly Item[] {
    const now = performance.now()
    this.#inFlight += deliveries.length
    const items = deliveries.map(delivery => new Item(delivery, now))
    for (const item of items) this.#onLine.add(item)
    this.#options.received?.(items)
    this.#options.requests?.begin(items)
    return items
  }

  /** Nothing of the item is left to publish. Invariant 5: its dedup key is remembered before the ack, never sooner. */
  finished(item: Item): void {
    const { dedup, requests } = this.#options
    if (item.settled) return
    if (item.outcome === 'dropped') this.drop(item)
    else if (item.poison !== undefined) this.putAside(item, item.poison)
    else if (requests?.published(item)) return
    else if (dedup === undefined) this.settle(item, item.outcome)
    else dedup.confirm(item, () => this.settle(item, item.outcome))
  }

  /** Invariant 8: put aside with its reason. The dedup key is forgotten, or a redrive would be taken for a copy. */
  putAside(item: Item, reason: SluiceError): void {
    if (item.settled) return
    item.poison = reason
    this.#options.dedup?.forget(item)
    if (!this.#options.requests?.refuse(item, reason)) this.#bury(item)
  }

  #bury(item: Item): void {
    this.#options.deadLetters!.write(item, outcome => {
      if (outcome === 'dropped') this.drop(item)
      else this.settle(item, outcome)
    })
  }

  /**
   * A request was answered. An answer settles it, whatever the error: to try again would help nobody. What is poison is put
   * aside beside, where the route has a place for it.
   */
  answered(item: Item, error: SluiceError | undefined): void {
    if (error !== undefined && item.poison === error && this.#options.deadLetters !== undefined) this.#bury(item)
    else if (error === undefined) this.settle(item, 'delivered')
    else this.settle(item, error.code === 'REQUEST_FILTERED' ? 'filtered' : 'refused')
  }

  /** The source's session is over. */
  sweep(): void {
    this.#options.requests?.sweep()
  }

  /** Invariant 3: exactly once. */
  settle(item: Item, outcome: Outcome): void {
    if (item.settled) return
    item.settled = true
    item.outcome = outcome
    try {
      item.delivery.ack()
    } catch {
      // The port forbids throwing. It comes again, and its neighbours must not pay for it.
      item.outcome = 'dropped'
    }
    this.#leave(item)
  }

  /** Those of a run that have not expired; the others are dropped. */
  live(items: Item[]): Item[] {
    if (!items.some(item => item.gone)) return items
    for (const item of items) if (item.gone) this.drop(item)
    return items.filter(item => !item.gone)
  }

  /** It expired before it was published: nothing to settle, the broker delivers it again. */
  drop(item: Item): void {
    if (item.settled) return
    item.settled = true
    item.outcome = 'dropped'
    this.#options.dedup?.forget(item)
    this.#options.requests?.forget(item)
    this.#leave(item)
  }

  /**
   * Takes everything off the line that is not settled, in the order received, for another line to go on with. What still
   * becomes of it here counts for nothing. What has expired is dropped: it comes again by itself.
   */
  handOver(): Delivery[] {
    const deliveries: Delivery[] = []
    for (const item of this.#onLine.list()) {
      if (item.delivery.expired) this.drop(item)
      else {
        item.settled = true
        this.#inFlight--
        this.#onLine.remove(item)
        deliveries.push(item.delivery)
      }
    }
    return deliveries
  }

  #leave(item: Item): void {
    this.#inFlight--
    this.#onLine.remove(item)
    this.#unfinished.end(item)
    this.#options.left(item)
  }
}
