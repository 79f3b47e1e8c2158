import type { Admin } from '@platformatic/kafka'
import { SluiceError } from '../../core/errors.ts'
import { matchingTopics } from './topics.ts'

/** Looks for topics that match a pattern and are not read yet; found = called once, with their names. */
export class PatternWatch implements Disposable {
  readonly #admin: Admin
  readonly #pattern: RegExp
  readonly #known: ReadonlySet<string>
  readonly #found: (topics: readonly string[]) => void
  readonly #stop = new AbortController()
  readonly #timer: NodeJS.Timeout

  constructor(
    admin: Admin,
    pattern: RegExp,
    known: readonly string[],
    everyMs: number,
    found: (topics: readonly string[]) => void,
  ) {
    this.#admin = admin
    this.#pattern = pattern
    this.#known = new Set(known)
    this.#found = found
    this.#timer = setInterval(() => void this.#look(), everyMs)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#stop.abort(new SluiceError('ABORTED', 'the source is closed'))
  }

  async #look(): Promise<void> {
    try {
      const topics = await matchingTopics(this.#admin, this.#pattern, this.#stop.signal)
      const fresh = topics.filter(topic => !this.#known.has(topic))
      if (fresh.length === 0 || this.#stop.signal.aborted) return
      clearInterval(this.#timer)
      this.#found(fresh)
    } catch {
      // The next look will tell; a broker that is away is the consumer's business.
    }
  }
}
