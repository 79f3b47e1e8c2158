/** Longest wait of one timer in ms: Node fires what is longer at once. */
export const LONGEST_WAIT = 2 ** 31 - 1

/** Growing waits between attempts. All times in milliseconds. */
export interface BackoffOptions {
  readonly initial: number
  readonly max: number
  /** ≥ 1. */
  readonly factor: number
  /** 0–1: the wait is spread evenly over ± this share. */
  readonly jitter: number
}

/** The wait before attempt `attempt` + 1 (attempt counts failures so far, from 1); never above `max`, never below 1. */
export function backoffDelay(options: BackoffOptions, attempt: number, random: () => number = Math.random): number {
  const exponent = Math.min(Math.max(attempt, 1) - 1, 60)
  const base = Math.min(options.max, options.initial * options.factor ** exponent)
  const spread = base * options.jitter * (2 * random() - 1)
  return Math.max(1, Math.min(options.max, base + spread))
}

/** Resolves after `ms` (after LONGEST_WAIT, some 25 days, where that is more), or at once when the signal aborts (without an error: the caller looks at the signal). */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, Math.min(ms, LONGEST_WAIT))
    signal.addEventListener('abort', done)
  })
}
