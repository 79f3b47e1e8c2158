import { SluiceError } from '../core/errors.ts'
import type { Message } from '../core/message.ts'
import type { Claim, Store } from '../core/ports.ts'
import { type Asking, untilAnswered } from './asking.ts'
import type { Item } from './item.ts'

export interface DedupOptions extends Asking {
  readonly store: Store
  /** What makes two messages the same. */
  readonly key: (message: Message) => unknown
  /** How long a confirmed key is remembered, in ms. */
  readonly window: number
  /** How long a claim is ours should this process die and another one share the store, in ms. */
  readonly lease: number
}

/** The claims of one tick: they go to the store together, each key once. */
class Question {
  readonly keys: string[] = []
  readonly #places = new Map<string, number>()
  readonly #waiting: ((claims: readonly Claim[]) => void)[] = []

  place(key: string): number | undefined {
    return this.#places.get(key)
  }

  add(key: string): number {
    this.#places.set(key, this.keys.length)
    return this.keys.push(key) - 1
  }

  onAnswer(done: (claims: readonly Claim[]) => void): void {
    this.#waiting.push(done)
  }

  answer(claims: readonly Claim[]): void {
    for (const done of this.#waiting) done(claims)
  }
}

/** In the place of a key that this process works on already. */
const OURS = -1

/**
 * Two-phase dedup. Invariant 5: a key is claimed before the work and remembered only after the target has confirmed.
 * Claims and confirms of one tick go to the store together. A store that is away holds the route: calls wait until it answers.
 */
export class Dedup {
  readonly #options: DedupOptions
  readonly #signal: AbortSignal
  /** Keys this process works on: a second copy is held without asking the store. */
  readonly #mine = new Map<string, number>()
  #question = new Question()
  #confirms: { readonly key: string; readonly done: () => void }[] = []
  #forgets: string[] = []
  #scheduled = false

  constructor(options: DedupOptions, signal: AbortSignal) {
    this.#options = options
    this.#signal = signal
  }

  /** Wall-clock ms of the oldest claim that is open; undefined = none is. */
  get oldestClaim(): number | undefined {
    return this.#mine.values().next().value
  }

  /** The key of a message. Throws EXPRESSION_FAILED when it is not a string or number. */
  keyOf(message: Message): string {
    const value = this.#options.key(message)
    if (typeof value === 'string' && value !== '') return value
    if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value)
    if (Buffer.isBuffer(value)) return value.toString('base64')
    throw new SluiceError(
      'EXPRESSION_FAILED',
      '`dedup.by` gives no key for this message: it must be a text or a number, and not empty',
    )
  }

  /** Claims the items' `dedupKey`; `done` gets one answer per item and is never called after the signal aborts. */
  claim(items: readonly Item[], done: (claims: readonly Claim[]) => void): void {
    const question = this.#question
    let asks = false
    const places = items.map(item => {
      const key = item.dedupKey!
      const place = question.place(key)
      if (place === undefined && this.#mine.has(key)) return OURS
      asks = true
      if (place !== undefined) return place
      this.#mine.set(key, Date.now())
      item.claim = key
      return question.add(key)
    })
    if (!asks) return done(items.map(() => 'held'))
    question.onAnswer(claims => done(items.map((item, i) => this.#take(item, claims[places[i]!]))))
    this.#schedule()
  }

  // A copy that was asked for in the same tick as its original is done with it, or is held by it.
  #take(item: Item, claim: Claim | undefined): Claim {
    if (item.claim === undefined) return claim === 'done' ? 'done' : 'held'
    if (claim === 'fresh') return claim
    this.#mine.delete(item.claim)
    item.claim = undefined
    return claim!
  }

  /** Remembers the item's key; `done` runs when that is durable. */
  confirm(item: Item, done: () => void): void {
    if (item.claim === undefined) return done()
    this.#confirms.push({ key: item.claim, done })
    item.claim = undefined
    this.#schedule()
  }

  /** The work failed or was given up: the next copy is fresh again. */
  forget(item: Item): void {
    if (item.claim === undefined) return
    this.#forgets.push(item.claim)
    item.claim = undefined
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      void this.#flush()
    })
  }

  async #flush(): Promise<void> {
    const question = this.#question
    const confirms = this.#confirms
    const forgets = this.#forgets
    this.#question = new Question()
    this.#confirms = []
    this.#forgets = []
    const { store, window, lease } = this.#options
    if (confirms.length > 0) {
      const keys = confirms.map(confirm => confirm.key)
      if ((await this.#ask(() => store.confirm(keys, window))) === undefined) return
      for (const confirm of confirms) {
        this.#mine.delete(confirm.key)
        confirm.done()
      }
    }
    if (forgets.length > 0) {
      if ((await this.#ask(() => store.forget(forgets))) === undefined) return
      for (const key of forgets) this.#mine.delete(key)
    }
    const { keys } = question
    if (keys.length === 0) return
    const answer = await this.#ask(async () => complete(await store.claim(keys, lease), keys.length))
    if (answer !== undefined) question.answer(answer.value)
  }

  #ask<T>(call: () => Promise<T>): Promise<{ value: T } | undefined> {
    return untilAnswered(call, this.#options, this.#signal)
  }
}

// A store is a plug-in, too: an answer that is missing must not pass for `done`, or the message is acked undelivered.
export function complete(claims: readonly Claim[], count: number): readonly Claim[] {
  if (claims.length === count && claims.every(claim => claim === 'fresh' || claim === 'held' || claim === 'done'))
    return claims
  throw new SluiceError('STORE_AWAY', `the store gave no proper answers for ${count} keys`)
}
