import { ERRORS, type ErrorCode, type Fate, type Scope } from './error-table.ts'

export type { ErrorCode, Fate, Scope }

// Registered symbol: a plug-in may carry its own copy of this package, and its errors must still be recognised.
const BRAND = Symbol.for('sluice.error')

export interface ErrorOptions {
  readonly cause?: unknown
  /** The other side's own wish: do not try again before this many milliseconds. */
  readonly retryAfterMs?: number
  /** Replaces the table's hint where the place knows better what to do. */
  readonly hint?: string
  /** Overrides the table's fate, for the rare error whose fate the configuration decides. */
  readonly fate?: Fate
}

/** The one error class. Its code decides its fate and scope (see error-table.ts); `message` is one plain sentence. */
export class SluiceError extends Error {
  override readonly name = 'SluiceError'
  readonly code: ErrorCode
  readonly fate: Fate
  readonly scope: Scope
  readonly hint: string
  readonly retryAfterMs: number | undefined

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    const kind = ERRORS[code]
    this.code = code
    this.fate = options.fate ?? kind.fate
    this.scope = kind.scope
    this.hint = options.hint ?? kind.hint
    this.retryAfterMs = options.retryAfterMs
    Object.defineProperty(this, BRAND, { value: true })
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && BRAND in value
  }
}

/** Any thrown value as a SluiceError. Unknown errors are `retry`, for trying again loses nothing, unless `fallback` says otherwise. */
export function asSluiceError(error: unknown, fallback: ErrorCode = 'UNKNOWN'): SluiceError {
  if (error instanceof SluiceError) return error
  return new SluiceError(fallback, describe(error), { cause: error })
}

/** One line for a person: the message of an error without its stack; of an AggregateError the first part that says something. */
export function describe(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0 && !error.message) return describe(error.errors[0])
  if (error instanceof Error) return error.message || error.name
  return String(error)
}
