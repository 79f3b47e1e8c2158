import { asSluiceError, SluiceError } from '../core/errors.ts'
import { type BackoffOptions, backoffDelay } from './backoff.ts'
import type { Item, Stage } from './item.ts'

export interface RetryOptions {
  /** Failed attempts after which a message is put aside. ≥ 1. */
  readonly attempts: number
  readonly backoff: BackoffOptions
}

/**
 * What becomes of a message that failed: put aside with its reason, or again after `delayMs`. `again`: it was tried and
 * failed · `hopeless`: it would have been put aside if the route had a dead letter.
 */
export type Verdict =
  | { readonly poison: SluiceError }
  | { readonly delayMs: number; readonly again: boolean; readonly hopeless?: boolean }

/** Judges failures by the route's `retry`. Without a dead letter nothing is put aside: a message is tried for ever. */
export class Verdicts {
  readonly #retry: RetryOptions
  readonly #putsAside: boolean

  constructor(retry: RetryOptions, putsAside: boolean) {
    this.#retry = retry
    this.#putsAside = putsAside
  }

  /** `counts` = this failure may use up an attempt (of several outputs that fail together only the first does). */
  judge(item: Item, thrown: unknown, stage: Stage, counts = true): Verdict {
    const error = asSluiceError(thrown, stage === 'transform' ? 'TRANSFORM_FAILED' : 'UNKNOWN')
    const { attempts, backoff } = this.#retry
    // An outage uses up no attempt; the gate holds the route meanwhile. Nor does a message that was never sent.
    if (error.scope === 'endpoint') return { delayMs: stage === 'publish' ? 0 : this.#delay(item, error), again: true }
    if (error.code === 'BATCH_BROKEN') return { delayMs: 0, again: false }
    item.fail(error, stage, counts)
    const over = error.fate === 'poison' || item.attempts >= attempts
    // A request is never tried for ever: its requester is told.
    if (over && !this.#putsAside && item.request === undefined)
      return { delayMs: Math.max(backoff.max, error.retryAfterMs ?? 0), again: true, hopeless: true }
    if (error.fate === 'poison') return { poison: error }
    if (!over) return { delayMs: this.#delay(item, error), again: true }
    const why = `${item.attempts} of ${attempts} attempts failed; the last: ${error.code}: ${error.message}`
    return { poison: new SluiceError('ATTEMPTS_EXHAUSTED', why, { cause: error }) }
  }

  #delay(item: Item, error: SluiceError): number {
    return Math.max(backoffDelay(this.#retry.backoff, item.attempts), error.retryAfterMs ?? 0)
  }
}
