import { once } from 'node:events'

/** Whether a route may receive. Pausing ends the session under way; it is forgotten when the process ends. */
export class Pause {
  #asked = new AbortController()
  #resumed = new AbortController()

  constructor() {
    this.#resumed.abort()
  }

  get on(): boolean {
    return this.#asked.signal.aborted
  }

  /** Aborts when the route is paused, or `signal` does. */
  session(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, this.#asked.signal])
  }

  /** Aborts when the route is resumed, or `signal` does. */
  until(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, this.#resumed.signal])
  }

  begin(): void {
    if (this.on) return
    this.#resumed = new AbortController()
    this.#asked.abort()
  }

  end(): void {
    if (!this.on) return
    this.#asked = new AbortController()
    this.#resumed.abort()
  }

  /** Resolves when the route may receive, or `signal` aborts. */
  async over(signal: AbortSignal): Promise<void> {
    while (this.on && !signal.aborted) {
      const until = this.until(signal)
      if (!until.aborted) await once(until, 'abort')
    }
  }
}
