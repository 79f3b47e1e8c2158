import { describe, type ErrorCode, SluiceError } from '../../core/errors.ts'

/** What amqplib puts on errors that the broker sent: AMQP reply code and the method that was refused. */
export interface ReplyError extends Error {
  readonly code?: number | string
  readonly classId?: number
  readonly methodId?: number
}

// AMQP reply codes → ours (https://www.rabbitmq.com/amqp-0-9-1-reference#constants).
const REPLIES: Readonly<Record<number, ErrorCode>> = {
  311: 'TOO_LARGE',
  312: 'UNROUTABLE',
  320: 'CONNECTION_LOST',
  402: 'VHOST_MISSING',
  403: 'ACCESS_DENIED',
  404: 'ADDRESS_MISSING',
  405: 'ADDRESS_IN_USE',
  501: 'PROTOCOL_MISMATCH',
  502: 'PROTOCOL_MISMATCH',
  503: 'OPTIONS_INVALID',
  504: 'CHANNEL_LOST',
  505: 'PROTOCOL_MISMATCH',
  506: 'UNAVAILABLE',
  530: 'ACCESS_DENIED',
  540: 'NOT_SUPPORTED',
  541: 'UNAVAILABLE',
}

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|SSL|TLS|EPROTO|HOSTNAME_MISMATCH/
const NETWORK = /^(ECONN|EHOST|ENET|ENOTFOUND|EAI_|ETIMEDOUT|EPIPE|EADDR)/

/** The reply code of an error that the broker sent, or undefined. */
export function replyCode(error: unknown): number | undefined {
  const code = (error as ReplyError | undefined)?.code
  if (typeof code === 'number') return code
  const match =
    /(?:by server|closed|failed): .*?\b(\d{3}) \(/.exec(describe(error)) ??
    /\b(\d{3}) \([A-Z_-]+\)/.exec(describe(error))
  return match === null ? undefined : Number(match[1])
}

/** Any error of amqplib, AMQP or a socket as ours, in one plain sentence that begins with `what`. */
export function translate(error: unknown, what: string, fallback: ErrorCode = 'CONNECTION_LOST'): SluiceError {
  if (error instanceof SluiceError) return error
  const text = plainText(error)
  return new SluiceError(codeOf(error, text, fallback), `${what}: ${text}`, { cause: error })
}

function codeOf(error: unknown, text: string, fallback: ErrorCode): ErrorCode {
  const own = (error as NodeJS.ErrnoException | undefined)?.code
  if (typeof own === 'string') {
    if (CERTIFICATE.test(own)) return 'TLS_FAILED'
    if (NETWORK.test(own)) return fallback
  }
  if (
    /Heartbeat timeout|Unexpected close|Socket closed|channel closed|Channel ended|Connection clos/i.test(text) &&
    replyCode(error) === undefined
  )
    return fallback
  const code = replyCode(error)
  if (code === undefined) return fallback
  if (code === 530 && /vhost .*not found/i.test(text)) return 'VHOST_MISSING'
  if (code === 530 && /not allowed to|exclusive/i.test(text)) return 'ADDRESS_IN_USE'
  if (code === 403 && /exclusive use/i.test(text)) return 'ADDRESS_IN_USE'
  if (code === 540 || /not.implemented/i.test(text)) return 'NOT_SUPPORTED'
  if (/unknown exchange type|invalid exchange type/i.test(text)) return 'OPTIONS_INVALID'
  // 406 is also said of time-outs and of messages, which say nothing against the address.
  if (code === 406 && /inequivalent|invalid arg|unsupported|not supported/i.test(text)) return 'ADDRESS_MISMATCH'
  return REPLIES[code] ?? fallback
}

// amqplib's prefixes and the numeric prologue say nothing that the code does not.
function plainText(error: unknown): string {
  return describe(error)
    .replace(
      /^(Operation failed: \w+; |Channel closed by server: |Connection closed: |Handshake terminated by server: )/,
      '',
    )
    .replace(/^\d{3} \([A-Z-]+\) with message "(.*)"$/s, '$1')
    .replace(/^[A-Z_]+ - /, '')
}
