import { SluiceError } from '../core/errors.ts'
import type { Conditions } from './conditions.ts'
import type { Item } from './item.ts'
import { Nudge } from './nudge.ts'
import type { Publisher } from './publisher.ts'
import { Unfinished } from './unfinished.ts'

/** Longest time between two looks, in ms: not everything nudges. */
const LOOK = 20
/** Who is not blamed anew for so many times of patience has gone without passing: it was removed from the source. */
const GRACE = 4
const HINT =
  'With `deadLetter` a message that is refused is put aside and the rest goes on; without one, mend what refuses it or remove it from the source. Retries have to be over in half of the time a transaction may take.'

/**
 * Finds moments at which of every delivery either all that came of it is published and it is settled, or nothing of it is
 * published. Whoever ties publishing and settling together (Transactions) draws the line in such a moment.
 *
 * Invariant 8: where none comes because a message does not get on, the route says which, and goes on saying so while
 * its source begins again and again, until that message has passed.
 */
export class Stillness {
  readonly #conditions: Conditions
  readonly #signal: AbortSignal
  readonly #nudge = new Nudge()
  readonly #publishers: Publisher[] = []
  #unfinished = new Unfinished()
  /** What kept the last moment from coming. */
  #blamed: { readonly identity: string; readonly until: number } | undefined
  #last: Promise<unknown> = Promise.resolve()

  /** @param signal the route ends: nobody waits any more. */
  constructor(conditions: Conditions, signal: AbortSignal) {
    this.#conditions = conditions
    this.#signal = signal
  }

  /** What must be still. */
  watch(publishers: readonly Publisher[], unfinished: Unfinished): void {
    this.#publishers.push(...publishers)
    this.#unfinished = unfinished
    for (const publisher of publishers) publisher.onLanded(() => this.#nudge.nudge())
  }

  /** The item left the line. */
  left(item: Item): void {
    if (item.outcome !== 'dropped' && identityOf(item) === this.#blamed?.identity) this.#blamed = undefined
  }

  /** TransactionContext.still. */
  still<T>(work: () => Promise<T>, withinMs: number): Promise<T> {
    const deadline = performance.now() + withinMs
    const next = this.#last.then(() => this.#run(work, withinMs, deadline))
    this.#last = next.catch(() => {})
    return next
  }

  async #run<T>(work: () => Promise<T>, withinMs: number, deadline: number): Promise<T> {
    for (const publisher of this.#publishers) publisher.hold()
    try {
      while (!this.#calm) {
        const left = deadline - performance.now()
        if (left <= 0) throw this.#blame(withinMs)
        if (this.#signal.aborted) throw new SluiceError('ABORTED', 'the route has ended')
        await this.#nudge.wait(Math.min(LOOK, left), this.#signal)
      }
      const result = await work()
      this.#praise()
      return result
    } finally {
      for (const publisher of this.#publishers) publisher.release()
    }
  }

  #blame(withinMs: number): SluiceError {
    const item = this.#unfinished.oldest
    if (item === undefined) return new SluiceError('TIMED_OUT', 'what is being published is not confirmed')
    const why = item.poison ?? item.error
    const others = this.#unfinished.count - 1
    const more = others === 0 ? '' : `, and so ${others === 1 ? 'is 1 other' : `are ${others} others`}`
    const text = `message ${item.message.id} is published in part${more}; the rest of it ${why === undefined ? 'is not confirmed' : `does not get on: ${why.message}`}`
    this.#blamed = { identity: identityOf(item), until: performance.now() + GRACE * withinMs }
    this.#conditions.raise(
      'transaction',
      new SluiceError('TIMED_OUT', `nothing can be committed: ${text}`, { cause: why, hint: HINT }),
    )
    return new SluiceError('TIMED_OUT', text, { cause: why, hint: HINT })
  }

  // Between two time-outs something may be committed that came before the message.
  #praise(): void {
    if (this.#blamed !== undefined && performance.now() < this.#blamed.until) return
    this.#blamed = undefined
    this.#conditions.clear('transaction')
  }

  get #calm(): boolean {
    return this.#unfinished.count === 0 && this.#publishers.every(publisher => publisher.flying === 0)
  }
}

function identityOf({ message }: Item): string {
  return message.source.identity ?? message.id
}
