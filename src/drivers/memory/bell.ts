/** Lets one waiter sleep until it is rung, a time has passed or a signal aborts. Leaves no timer and no listener behind. */
export class Bell {
  #rung = false
  #wake: (() => void) | undefined

  /** Wakes the waiter; without one, the next wait ends at once. */
  ring(): void {
    this.#rung = true
    this.#wake?.()
  }

  /** Resolves after a ring, after `ms` (undefined = never), or when the signal aborts; never rejects. One waiter at a time. */
  wait(signal: AbortSignal, ms?: number): Promise<void> {
    return new Promise(resolve => {
      if (this.#rung || signal.aborted) {
        this.#rung = false
        resolve()
        return
      }
      const wake = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', wake)
        this.#wake = undefined
        this.#rung = false
        resolve()
      }
      const timer = ms === undefined ? undefined : setTimeout(wake, Math.min(ms, LONGEST_TIMER_MS))
      signal.addEventListener('abort', wake, { once: true })
      this.#wake = wake
    })
  }
}

/** Sleeps for `ms` or until the signal aborts; never rejects. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  ms > 0 ? new Bell().wait(signal, ms) : Promise.resolve()

// Node fires a timer beyond 2^31 − 1 ms at once.
const LONGEST_TIMER_MS = 2 ** 31 - 1
