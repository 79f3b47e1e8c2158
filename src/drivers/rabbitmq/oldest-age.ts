const TICKS = 40
const LONGEST_TICK_MS = 30_000
/** Shares of the broker's `consumer_timeout` at which we say so, and at which we give back what is held. */
const WARN = 0.5
const GIVE_BACK = 0.9

export interface AgeWatcher {
  /** Highest delivery tag so far; 0 before the first. */
  lastTag(): number
  /** Oldest tag that is not acknowledged, or undefined. */
  oldest(): number | undefined
  onOld(ageMs: number): void
  onYoung(): void
  onTooOld(ageMs: number): void
}

/**
 * Watches how long the oldest delivery has been unacknowledged. The broker closes the channel when that passes its
 * `consumer_timeout`. Ages are rounded up to the next tick (1/40 of the time-out, at most 30 s), so that no time need be kept
 * for each message.
 */
export class OldestAge {
  readonly #watcher: AgeWatcher
  readonly #timeoutMs: number
  readonly #timer: NodeJS.Timeout
  // Tags up to `tag` had arrived at `at`.
  #samples: { readonly tag: number; readonly at: number }[] = [{ tag: 0, at: performance.now() }]
  #old = false

  constructor(timeoutMs: number, watcher: AgeWatcher) {
    this.#watcher = watcher
    this.#timeoutMs = timeoutMs
    this.#timer = setInterval(() => this.#tick(), Math.min(LONGEST_TICK_MS, timeoutMs / TICKS))
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #tick(): void {
    const now = performance.now()
    const age = this.#age(now)
    this.#samples.push({ tag: this.#watcher.lastTag(), at: now })
    if (age >= this.#timeoutMs * GIVE_BACK) {
      this.stop()
      this.#watcher.onTooOld(age)
    } else if (age >= this.#timeoutMs * WARN && !this.#old) {
      this.#old = true
      this.#watcher.onOld(age)
    } else if (age < this.#timeoutMs * WARN && this.#old) {
      this.#old = false
      this.#watcher.onYoung()
    }
  }

  // Samples before the one that precedes the oldest delivery are of no use any more.
  #age(now: number): number {
    const oldest = this.#watcher.oldest()
    const samples = this.#samples
    let last = samples.length - 1
    while (last > 0 && oldest !== undefined && samples[last]!.tag >= oldest) last--
    this.#samples = samples.slice(last)
    return oldest === undefined ? 0 : now - this.#samples[0]!.at
  }
}
