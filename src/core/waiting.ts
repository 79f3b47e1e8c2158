import { SluiceError } from './errors.ts'

/** The promise's outcome, or the signal's reason as soon as it aborts; the promise then ends unheard. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return unless(promise, signal, () => signal.reason)
}

/** As `abortable`, but throws ABORTED: for what may tell a user that the work was given up. */
export function aborting<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return unless(promise, signal, () => new SluiceError('ABORTED', 'the work was given up'))
}

async function unless<T>(promise: Promise<T>, signal: AbortSignal, reason: () => unknown): Promise<T> {
  if (signal.aborted) {
    promise.catch(() => {})
    throw reason()
  }
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(reason())
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
    promise.catch(() => {})
  }
}

/** Resolves after the time, or at once when the signal aborts or already has; never rejects. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  if (signal.aborted) return Promise.resolve()
  const done = () => {
    clearTimeout(timer)
    signal.removeEventListener('abort', done)
    resolve()
  }
  const timer = setTimeout(done, ms)
  signal.addEventListener('abort', done, { once: true })
  return promise
}
