import { SluiceError } from '../core/errors.ts'

/** What the API answers when it does not do what was asked: status, title, what to do. Codes are never renamed. */
const KINDS = {
  INVALID_REQUEST: [400, 'The request is not as the API describes it', 'See /api/openapi.json.'],
  UNAUTHORIZED: [
    401,
    'A token is needed',
    'Send `Authorization: Bearer TOKEN` with `admin.token` or `admin.readToken`.',
  ],
  READ_ONLY: [403, 'This token only reads', 'Use `admin.token`.'],
  WRITES_OFF: [
    403,
    'Nothing can be changed here',
    'Set `admin.token` in the configuration, restart, and send it as `Authorization: Bearer TOKEN`.',
  ],
  HOST_REFUSED: [403, 'The request names another host', 'Use http://127.0.0.1 or http://localhost.'],
  CROSS_SITE: [403, 'The request comes from another site', 'Open the page of this gateway itself.'],
  NOT_FOUND: [404, 'There is no such thing', 'See /api/openapi.json for what there is.'],
  METHOD_NOT_ALLOWED: [405, 'This cannot be done here', 'See /api/openapi.json.'],
  ROUTE_DISABLED: [409, 'The route is disabled', 'Set `enabled: true` and apply the configuration.'],
  BUSY: [409, 'Something else is under way there', 'Try again when it is done.'],
  NOT_APPLIED: [409, 'The configuration was not applied', 'Read the reason; what ran before runs on.'],
  PLAN_STALE: [412, 'The plan is no longer that one', 'Ask for the plan again, look at it, and apply its hash.'],
  TOO_LARGE: [413, 'The request is too large', 'At most 16 KiB.'],
  CONFIG_INVALID: [422, 'The configuration has errors', 'Correct what is listed; `POST /api/plan` shows it again.'],
  TOO_MANY: [429, 'Too many at once', 'Close another page or tap.'],
  FAILED: [500, 'The gateway failed', 'Look at its log.'],
  NOT_HERE: [501, 'This gateway cannot do that', 'Run it by `sluice run`.'],
  BROKER_REFUSES: [502, 'A broker refused', 'Read the reason.'],
  NOT_RUNNING: [503, 'A worker does not run', 'It is started again by itself; its log says why it ended.'],
  BROKER_AWAY: [503, 'A broker is away', 'Try again when it is back.'],
  TIMED_OUT: [504, 'It took too long', 'Try again, or ask for less.'],
} as const satisfies Record<string, readonly [status: number, title: string, hint: string]>

export type RefusalCode = keyof typeof KINDS
export type RefusalStatus = (typeof KINDS)[RefusalCode][0]

/** Problem details (RFC 9457) with a stable code and what to do. */
export interface ProblemDetails {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
  readonly hint: string
}

/** Why the API does not do what was asked. */
export class Refusal extends Error {
  readonly code: RefusalCode
  /** Replaces the table's hint. */
  readonly hint: string | undefined
  /** Further members of the answer. */
  readonly more: object

  constructor(code: RefusalCode, detail: string, { hint, ...more }: { hint?: string } & Record<string, unknown> = {}) {
    super(detail)
    this.code = code
    this.hint = hint
    this.more = more
  }

  get status(): RefusalStatus {
    return KINDS[this.code][0]
  }
}

/** Any error as a refusal. What is nobody's fault but ours says nothing of itself: it is for the log. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  if (!(error instanceof SluiceError)) return new Refusal('FAILED', 'an unexpected error')
  const more = { hint: error.hint, cause: error.code }
  if (error.code === 'CONFIG_INVALID' || error.code === 'NOT_SUPPORTED')
    return new Refusal('NOT_HERE', error.message, more)
  if (error.code === 'OPTIONS_INVALID') return new Refusal('INVALID_REQUEST', error.message, more)
  if (error.code === 'ABORTED') return new Refusal('TIMED_OUT', error.message, more)
  return new Refusal(error.fate === 'retry' ? 'BROKER_AWAY' : 'BROKER_REFUSES', error.message, more)
}

export function problemDetails(refusal: Refusal): ProblemDetails {
  const [status, title, hint] = KINDS[refusal.code]
  return {
    type: 'about:blank',
    title,
    status,
    detail: refusal.message,
    code: refusal.code,
    hint: refusal.hint ?? hint,
    ...refusal.more,
  }
}
