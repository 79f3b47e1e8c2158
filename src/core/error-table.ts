import { ENDPOINT_ERRORS } from './endpoint-errors.ts'
import { MESSAGE_ERRORS } from './message-errors.ts'
import { OPERATOR_ERRORS } from './operator-errors.ts'

export type { ErrorKind, Fate, Scope } from './error-kind.ts'

/** Every error code of Sluice. `docs/errors.md` is generated from this table. */
export const ERRORS = { ...ENDPOINT_ERRORS, ...MESSAGE_ERRORS, ...OPERATOR_ERRORS }

export type ErrorCode = keyof typeof ERRORS
