import { pause } from '../../core/waiting.ts'

/** Resolves within `ms` whatever the promise does; never rejects. */
export async function within(ms: number, promise: Promise<unknown>): Promise<void> {
  const over = new AbortController()
  await Promise.race([promise.catch(() => {}), pause(ms, over.signal)])
  over.abort()
}
