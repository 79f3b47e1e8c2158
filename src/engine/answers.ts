import { asSluiceError, SluiceError } from '../core/errors.ts'
import type { Answer, Answerer } from '../core/reply-ports.ts'
import { type BackoffOptions, backoffDelay, sleep } from './backoff.ts'

/** Most answers and bytes in one call, and most calls under way. */
const MOST_ANSWERS = 256
const MOST_BYTES = 1_048_576
const CONCURRENCY = 4

/** How sending one answer ended: the broker has it (null), why not, or its request has expired and comes again. */
export type Sent = SluiceError | null | 'expired'

export interface AnswersOptions {
  answer: Answerer['answer']
  readonly backoff: BackoffOptions
  /** How long an answer is tried, in ms; then nobody waits for it any more. */
  readonly patienceMs: number
  /** Answers cannot be brought to the requesters' broker now, or can again (undefined). */
  status(error: SluiceError | undefined): void
}

interface Entry {
  readonly answer: Answer
  /** The request can no longer be settled: it comes again, and is answered then. */
  readonly expired: () => boolean
  readonly done: (sent: Sent) => void
  readonly until: number
  failures: number
}

/**
 * Gathers answers into batches and sends them, again and again where that may help. Bounded by the caller: one entry per
 * request in flight.
 */
export class Answers {
  readonly #options: AnswersOptions
  readonly #signal: AbortSignal
  #waiting: Entry[] = []
  #flying = 0
  #failing = 0
  #scheduled = false

  /** @param signal ends everything; what is not sent then is never told about. */
  constructor(options: AnswersOptions, signal: AbortSignal) {
    this.#options = options
    this.#signal = signal
  }

  /** Answers that were refused and are tried again. */
  get failing(): number {
    return this.#failing
  }

  send(answer: Answer, expired: () => boolean, done: (sent: Sent) => void): void {
    const until = performance.now() + this.#options.patienceMs
    this.#waiting.push({ answer, expired, done, until, failures: 0 })
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      while (this.#waiting.length > 0 && this.#flying < CONCURRENCY && !this.#signal.aborted) {
        const batch = this.#take()
        if (batch.length > 0) void this.#send(batch)
      }
    })
  }

  #take(): Entry[] {
    const batch: Entry[] = []
    let bytes = 0
    let taken = 0
    for (const entry of this.#waiting) {
      bytes += entry.answer.reply.size
      if (batch.length === MOST_ANSWERS || (batch.length > 0 && bytes > MOST_BYTES)) break
      taken++
      if (entry.expired()) this.#end(entry, 'expired')
      else batch.push(entry)
    }
    this.#waiting = this.#waiting.slice(taken)
    return batch
  }

  async #send(batch: readonly Entry[]): Promise<void> {
    this.#flying++
    let results: readonly (SluiceError | null)[]
    try {
      results = await this.#options.answer(
        batch.map(entry => entry.answer),
        this.#signal,
      )
    } catch (error) {
      // The port forbids throwing.
      const reason = asSluiceError(error)
      results = batch.map(() => reason)
    }
    this.#flying--
    if (this.#signal.aborted) return
    for (const [index, entry] of batch.entries())
      this.#judge(entry, results[index] === undefined ? new SluiceError('UNKNOWN', 'no result') : results[index])
    this.#schedule()
  }

  #judge(entry: Entry, result: SluiceError | null): void {
    if (result === null || result.fate !== 'retry') return this.#end(entry, result)
    if (performance.now() >= entry.until) return this.#end(entry, result)
    if (++entry.failures === 1) this.#failing++
    this.#options.status(result)
    const delay = Math.max(backoffDelay(this.#options.backoff, entry.failures), result.retryAfterMs ?? 0)
    void sleep(Math.min(delay, Math.max(1, entry.until - performance.now())), this.#signal).then(() => {
      if (this.#signal.aborted) return
      this.#waiting.push(entry)
      this.#schedule()
    })
  }

  #end(entry: Entry, sent: Sent): void {
    if (entry.failures > 0 && --this.#failing === 0) this.#options.status(undefined)
    entry.done(sent)
  }
}
