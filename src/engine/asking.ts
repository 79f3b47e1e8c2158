import { asSluiceError, type SluiceError } from '../core/errors.ts'
import { type BackoffOptions, backoffDelay, sleep } from './backoff.ts'

export interface Asking {
  readonly backoff: BackoffOptions
  /** The store went away (with the error) or came back (without). */
  status(error: SluiceError | undefined): void
}

/** Asks a store until it answers; undefined = the route stops. */
export async function untilAnswered<T>(
  call: () => Promise<T>,
  asking: Asking,
  signal: AbortSignal,
): Promise<{ readonly value: T } | undefined> {
  for (let failures = 0; !signal.aborted; ) {
    try {
      const value = await call()
      if (failures > 0) asking.status(undefined)
      return signal.aborted ? undefined : { value }
    } catch (error) {
      failures++
      asking.status(asSluiceError(error, 'STORE_AWAY'))
      await sleep(backoffDelay(asking.backoff, failures), signal)
    }
  }
  return undefined
}
