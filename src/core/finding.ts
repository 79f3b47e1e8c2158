import { asSluiceError } from './errors.ts'

/**
 * What an examination says of one thing: in order · works, and is worth a change · keeps the route from running, or loses
 * messages · cannot be seen from here, and matters.
 */
export type Level = 'ok' | 'warn' | 'fail' | 'unseen'

export interface Finding {
  readonly level: Level
  /** What was looked at, e.g. `queue "orders"`. */
  readonly subject: string
  /** One sentence: what was found, and why it matters. Never holds a secret. */
  readonly message: string
  /** What to do about it. */
  readonly hint?: string | undefined
}

/** What was found at one end of a route. */
export interface Examined {
  readonly findings: readonly Finding[]
  /** Largest message it takes (sinks) or may hold (sources), in bytes; undefined: it cannot be told. */
  readonly maxBytes?: number | undefined
}

export const ok = (subject: string, message: string): Finding => ({ level: 'ok', subject, message })
export const unseen = (subject: string, message: string, hint?: string): Finding => ({
  level: 'unseen',
  subject,
  message,
  hint,
})
export const warn = (subject: string, message: string, hint: string): Finding => ({
  level: 'warn',
  subject,
  message,
  hint,
})
export const fail = (subject: string, message: string, hint: string): Finding => ({
  level: 'fail',
  subject,
  message,
  hint,
})

/** An error as a finding, with its code. */
export function failed(subject: string, error: unknown): Finding {
  const { code, message, hint } = asSluiceError(error)
  return fail(subject, `${code}: ${message}`, hint)
}

/** Clocks may differ by so much before it is worth a word, in ms. */
const SKEW = 2_000

/** What a broker's clock says beside ours; windows by the time of events, and ages of dead letters, go by both. */
export function clock(subject: string, theirs: number, ours: number = Date.now()): Finding {
  const seconds = Math.round(Math.abs(theirs - ours) / 100) / 10
  if (Math.abs(theirs - ours) <= SKEW) return ok(subject, `its clock and ours are ${seconds} s apart at most`)
  const how = theirs > ours ? 'ahead of' : 'behind'
  return warn(
    subject,
    `its clock is ${seconds} s ${how} ours`,
    'Let both machines take their time from one source (NTP).',
  )
}
