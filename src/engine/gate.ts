import { asSluiceError, type SluiceError } from '../core/errors.ts'
import { type BackoffOptions, backoffDelay, sleep } from './backoff.ts'

export type GateState = 'open' | 'probing' | 'closed'

export interface GateOptions {
  readonly backoff: BackoffOptions
  /** Proves that the endpoint is back; throws a SluiceError when it is not. */
  probe(signal: AbortSignal): Promise<void>
  /** The gate closed, stayed closed for another reason (both with the error), or opened for good. */
  changed(state: GateState, error: SluiceError | undefined): void
}

/**
 * Holds a route while an endpoint is away, so that an outage uses up no attempt and dead-letters nothing.
 * closed → (probe succeeds) probing: one publish may pass → (it succeeds) open, or closed again with a longer wait.
 */
export class Gate {
  readonly #options: GateOptions
  readonly #signal: AbortSignal
  #state: GateState = 'open'
  #error: SluiceError | undefined
  #failures = 0
  #probing = false
  #wake: () => void = () => {}

  /** @param signal ends all probing; the gate then stays as it is. */
  constructor(options: GateOptions, signal: AbortSignal) {
    this.#options = options
    this.#signal = signal
  }

  get state(): GateState {
    return this.#state
  }

  /** Why it is not open. */
  get error(): SluiceError | undefined {
    return this.#error
  }

  /** Called when the gate lets something through again. */
  onOpen(wake: () => void): void {
    this.#wake = wake
  }

  /** An endpoint error was seen. `alive` = something was confirmed beside it, so that the wait need not grow. */
  close(error: SluiceError, alive = false): void {
    if (this.#signal.aborted) return
    if (this.#state === 'closed') {
      // Calls that were under way end one by one, and the first to fail need not be the one that says why.
      if (this.#error?.fate !== 'fatal' && error.code !== 'ABORTED') this.#tell(error)
      return
    }
    this.#state = 'closed'
    this.#failures = alive ? 1 : this.#failures + 1
    this.#tell(error)
    if (this.#probing) return
    this.#probing = true
    void this.#probe()
  }

  /** A publish succeeded: the endpoint is really back. */
  succeed(): void {
    if (this.#state !== 'probing') return
    this.#state = 'open'
    this.#error = undefined
    this.#failures = 0
    this.#options.changed('open', undefined)
    this.#wake()
  }

  #tell(error: SluiceError): void {
    const told = this.#error
    this.#error = error
    if (told?.code !== error.code || told.message !== error.message) this.#options.changed('closed', error)
  }

  async #probe(): Promise<void> {
    while (!this.#signal.aborted) {
      const wish = this.#error?.retryAfterMs ?? 0
      await sleep(Math.max(wish, backoffDelay(this.#options.backoff, this.#failures)), this.#signal)
      if (this.#signal.aborted) return
      try {
        await this.#options.probe(this.#signal)
      } catch (error) {
        this.#failures++
        this.#tell(asSluiceError(error, 'UNAVAILABLE'))
        continue
      }
      this.#state = 'probing'
      this.#probing = false
      this.#wake()
      return
    }
    this.#probing = false
  }
}
