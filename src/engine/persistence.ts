import { asSluiceError, type ErrorCode } from '../core/errors.ts'
import { type BackoffOptions, backoffDelay, sleep } from './backoff.ts'
import type { Conditions, Part } from './conditions.ts'

export interface PersistOptions {
  /** The part of the route that stands in the way while it fails. */
  readonly part: Part
  readonly conditions: Conditions
  readonly backoff: BackoffOptions
  readonly signal: AbortSignal
  /** Code of what fails without one. */
  readonly fallback: ErrorCode
}

/** Tries again and again, with backoff, until `attempt` does well or the signal aborts (undefined). Says what stands in the way. */
export async function persist<T>(attempt: () => Promise<T>, options: PersistOptions): Promise<T | undefined> {
  const { part, conditions, backoff, signal, fallback } = options
  for (let failures = 1; !signal.aborted; failures++) {
    try {
      const result = await attempt()
      conditions.clear(part)
      return result
    } catch (error) {
      const reason = asSluiceError(error, fallback)
      if (reason.code !== 'ABORTED') conditions.raise(part, reason)
      await sleep(backoffDelay(backoff, failures), signal)
    }
  }
  return undefined
}
