/** Wakes those who wait for something to have changed; they look for themselves whether it was what they wait for. */
export class Nudge {
  readonly #waiting = new Set<() => void>()

  nudge(): void {
    if (this.#waiting.size === 0) return
    for (const wake of [...this.#waiting]) wake()
  }

  /** Until the next nudge, the abort, or `ms` milliseconds from now. Leaves nothing behind. */
  wait(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve()
    return new Promise(resolve => {
      const wake = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', wake)
        this.#waiting.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, ms)
      signal.addEventListener('abort', wake)
      this.#waiting.add(wake)
    })
  }
}
