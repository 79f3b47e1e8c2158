import type { OrderBook } from './orders.ts'

/** One record of this run as read from Kafka. */
export interface Arrival {
  readonly n: number
  /** The record's key. */
  readonly key: string
  readonly partition: number
  /** Which publish of the shop this is: 1, or more where it had to publish the order again. */
  readonly copy: number
  readonly body: string
}

export interface Totals {
  /** Orders that RabbitMQ confirmed, each once. */
  readonly published: number
  /** Orders that are in Kafka, each once. */
  readonly delivered: number
  /** Orders that the route's `filter` leaves out. */
  readonly filtered: number
  /** Orders in the dead-letter queue, each once. */
  readonly deadLettered: number
  /** Letters beyond the first for an order: written, not yet acknowledged, and the gateway was killed. */
  readonly deadAgain: number
  /** How many dead letters by reason, most first. */
  readonly reasons: readonly (readonly [reason: string, count: number])[]
  /** Good orders that are neither in Kafka nor among the dead letters. */
  readonly lost: number
  /** First arrivals of an order after a later one of the same user, or in another partition than the user's others. */
  readonly outOfOrder: number
  /** Records that came although their order was there already. */
  readonly duplicated: number
  /** Those of them that the shop itself had published twice. */
  readonly duplicatedByShop: number
  /** Records whose key or body is not what it must be. */
  readonly altered: number
  /** Poison that is not among the dead letters. */
  readonly poisonMissing: number
  /** Orders in Kafka that should not be: poison, or filtered ones. */
  readonly intruders: number
  /** Good orders among the dead letters. */
  readonly wronglyDead: number
  /** Large orders that the second route carried back to RabbitMQ, each once. */
  readonly broughtBack: number
  /** Large orders that are in Kafka and did not come back. */
  readonly notBroughtBack: number
}

/** The books of one run: what was published, what arrived, what was put aside. */
export class Tally {
  readonly #book: OrderBook
  readonly #published: Uint8Array
  readonly #arrived: Uint8Array
  // The copy that arrived first; 255 = 255 or more.
  readonly #firstCopy: Uint8Array
  readonly #dead: Uint8Array
  readonly #back: Uint8Array
  readonly #reasons = new Map<string, number>()
  readonly #users = new Map<string, { partition: number; seq: number }>()
  #publishedGood = 0
  #delivered = 0
  #outOfOrder = 0
  #deadAgain = 0
  #duplicated = 0
  #duplicatedByShop = 0
  #altered = 0
  #intruders = 0

  constructor(book: OrderBook) {
    this.#book = book
    this.#published = new Uint8Array(book.count)
    this.#arrived = new Uint8Array(book.count)
    this.#firstCopy = new Uint8Array(book.count)
    this.#dead = new Uint8Array(book.count)
    this.#back = new Uint8Array(book.count)
  }

  /** Good orders in Kafka so far, each once. */
  get delivered(): number {
    return this.#delivered
  }

  /** Good orders that RabbitMQ has confirmed and Kafka does not have yet. */
  get lag(): number {
    return Math.max(0, this.#publishedGood - this.#delivered)
  }

  published(n: number): void {
    if (this.#published[n] === 1) return
    this.#published[n] = 1
    if (this.#book.kindOf(n) === 'good') this.#publishedGood++
  }

  arrived({ n, key, partition, copy, body }: Arrival): void {
    const good = this.#book.kindOf(n) === 'good'
    if (key !== this.#book.userOf(n) || (good && body !== this.#book.arrives(n))) this.#altered++
    if (this.#arrived[n] === 1) {
      this.#duplicated++
      if (Math.min(copy, 255) !== this.#firstCopy[n]) this.#duplicatedByShop++
      return
    }
    this.#arrived[n] = 1
    this.#firstCopy[n] = Math.min(copy, 255)
    if (good) this.#delivered++
    else this.#intruders++
    this.#keepOrder(this.#book.userOf(n), partition, this.#book.seqOf(n))
  }

  #keepOrder(user: string, partition: number, seq: number): void {
    const before = this.#users.get(user)
    if (before === undefined) return void this.#users.set(user, { partition, seq })
    if (partition !== before.partition || seq < before.seq) this.#outOfOrder++
    else before.seq = seq
  }

  deadLetter(n: number, reason: string): void {
    if (this.#dead[n] === 1) return void this.#deadAgain++
    this.#dead[n] = 1
    this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1)
  }

  /** An order found in the queue of large orders. */
  cameBack(n: number): void {
    this.#back[n] = 1
  }

  totals(): Totals {
    const counts = { published: 0, filtered: 0, deadLettered: 0, lost: 0, poisonMissing: 0, wronglyDead: 0 }
    const back = { broughtBack: 0, notBroughtBack: 0 }
    for (let n = 0; n < this.#book.count; n++) {
      const kind = this.#book.kindOf(n)
      const dead = this.#dead[n] === 1
      if (this.#back[n] === 1) back.broughtBack++
      else if (this.#arrived[n] === 1 && this.#book.isLarge(n)) back.notBroughtBack++
      if (dead) counts.deadLettered++
      if (dead && (kind === 'good' || kind === 'free')) counts.wronglyDead++
      if (this.#published[n] !== 1) continue
      counts.published++
      if (kind === 'free') counts.filtered++
      else if (kind === 'good' && this.#arrived[n] !== 1 && !dead) counts.lost++
      else if (kind !== 'good' && !dead) counts.poisonMissing++
    }
    return {
      ...counts,
      ...back,
      delivered: this.#delivered,
      deadAgain: this.#deadAgain,
      reasons: [...this.#reasons].toSorted((a, b) => b[1] - a[1]),
      outOfOrder: this.#outOfOrder,
      duplicated: this.#duplicated,
      duplicatedByShop: this.#duplicatedByShop,
      altered: this.#altered,
      intruders: this.#intruders,
    }
  }
}

/** What was promised and not kept, a sentence each; none = the demo succeeded. Duplicates are counted, not forbidden. */
export function broken(totals: Totals, wanted: number): readonly string[] {
  const { published, lost, outOfOrder, altered, poisonMissing, intruders, wronglyDead, notBroughtBack } = totals
  const checks: readonly (readonly [count: number, one: string, many: string])[] = [
    [wanted - published, 'order could not be published', 'orders could not be published'],
    [lost, 'order was lost', 'orders were lost'],
    [outOfOrder, 'order arrived out of order', 'orders arrived out of order'],
    [altered, 'order was changed on the way', 'orders were changed on the way'],
    [poisonMissing, 'poison message is not in the dead letters', 'poison messages are not in the dead letters'],
    [intruders, 'order is in Kafka that should not be', 'orders are in Kafka that should not be'],
    [wronglyDead, 'good order was dead-lettered', 'good orders were dead-lettered'],
    [notBroughtBack, 'large order did not come back', 'large orders did not come back'],
  ]
  return checks
    .filter(([count]) => count > 0)
    .map(([count, one, many]) => `${count.toLocaleString('en')} ${count === 1 ? one : many}`)
}
