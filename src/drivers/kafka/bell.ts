import { pause } from '../../core/waiting.ts'

/** Something that may have changed: all who wait look again. */
export class Bell {
  #next = Promise.withResolvers<void>()

  ring(): void {
    const rung = this.#next
    this.#next = Promise.withResolvers()
    rung.resolve()
  }

  /** Until the next ring, or `ms`, or abort. */
  async wait(signal: AbortSignal, ms = 2 ** 31 - 1): Promise<void> {
    if (signal.aborted) return
    const over = new AbortController()
    await Promise.race([this.#next.promise, pause(ms, AbortSignal.any([signal, over.signal]))])
    over.abort()
  }
}
