import { asSluiceError, SluiceError } from '../core/errors.ts'
import type { Log } from '../core/ports.ts'
import { LONGEST_WAIT } from './backoff.ts'

/** How long something may take that is somebody else's code. */
export interface Patience {
  /** Milliseconds. */
  readonly ms: number
  /** Ends the waiting early, with ABORTED. */
  readonly signal?: AbortSignal
  /** For the error: `"opening the sink"`. */
  readonly what: string
}

/**
 * The outcome of the work, unless it takes too long (TIMED_OUT) or the signal aborts (ABORTED): drivers and stores may hang,
 * and nothing of ours waits for ever (Invariant 6). An outcome that comes too late is ignored.
 */
export function within<T>(work: Promise<T>, { ms, signal, what }: Patience): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', give)
    }
    const give = () => {
      end()
      reject(new SluiceError('ABORTED', `${what} was given up`))
    }
    const timer = setTimeout(
      () => {
        end()
        reject(new SluiceError('TIMED_OUT', `${what} took longer than ${ms / 1000} s`))
      },
      Math.min(ms, LONGEST_WAIT),
    )
    if (signal?.aborted === true) give()
    else signal?.addEventListener('abort', give)
    Promise.resolve(work).then(
      value => {
        end()
        resolve(value)
      },
      (error: unknown) => {
        end()
        reject(error)
      },
    )
  })
}

/** As `within`; what is made after all, when nobody waits for it any more, has no owner and goes to `late`. */
export async function owned<T>(work: Promise<T>, patience: Patience, late: (made: T) => unknown): Promise<T> {
  let abandoned = false
  work.then(
    made => {
      if (abandoned) late(made)
    },
    () => {},
  )
  try {
    return await within(work, patience)
  } catch (error) {
    abandoned = true
    throw error
  }
}

/** Longest wait for one thing to close, in ms. */
const CLOSING = 4_000

/** Closes it, whatever it does: what throws is logged, what hangs is left. Never throws. */
export async function closeQuietly(thing: AsyncDisposable | undefined, what: string, log: Log): Promise<void> {
  if (thing === undefined) return
  try {
    await within(thing[Symbol.asyncDispose]() as Promise<void>, { ms: CLOSING, what: `closing ${what}` })
  } catch (error) {
    const { code, message } = asSluiceError(error)
    log.warn({ code }, `closing ${what} failed: ${message}`)
  }
}
