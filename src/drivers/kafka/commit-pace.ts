import type { SourceSettings } from './source-settings.ts'

/** When offsets are sent: after so many settled messages, or `commitInterval` ms after the first of them. */
export class CommitPace {
  readonly #interval: number
  readonly #count: number
  readonly #due: () => void
  #timer: NodeJS.Timeout | undefined
  #settled = 0

  constructor(
    { commitInterval, commitCount }: Pick<SourceSettings, 'commitInterval' | 'commitCount'>,
    due: () => void,
  ) {
    this.#interval = commitInterval
    this.#count = commitCount
    this.#due = due
  }

  /** One more message is settled. */
  settled(): void {
    if (++this.#settled >= this.#count) this.#due()
    else this.later()
  }

  /** Due after the interval, and not before `leastMs`. */
  later(leastMs = 0): void {
    this.#timer ??= setTimeout(this.#due, Math.max(this.#interval, leastMs))
  }

  /** What was settled until now is being sent, or never will be. */
  calm(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#settled = 0
  }
}
