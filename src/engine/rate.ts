import { sleep } from './backoff.ts'

/** A token bucket: at most `perSecond` messages, with a burst of a tenth of a second (at least one). */
export class RateLimit {
  readonly #perSecond: number
  readonly #burst: number
  readonly #now: () => number
  #tokens: number
  #last: number

  constructor(perSecond: number, now: () => number = () => performance.now()) {
    this.#perSecond = perSecond
    this.#burst = Math.max(1, perSecond / 10)
    this.#now = now
    this.#tokens = this.#burst
    this.#last = now()
  }

  /** Takes up to `wanted` permits; waits until there is at least one. 0 = the signal aborted. */
  async take(wanted: number, signal: AbortSignal): Promise<number> {
    while (!signal.aborted) {
      const now = this.#now()
      this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#last) / 1000) * this.#perSecond)
      this.#last = now
      if (this.#tokens >= 1) {
        const granted = Math.min(wanted, Math.floor(this.#tokens))
        this.#tokens -= granted
        return granted
      }
      await sleep(Math.ceil(((1 - this.#tokens) / this.#perSecond) * 1000), signal)
    }
    return 0
  }
}
