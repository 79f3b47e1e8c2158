import { describe, type ErrorCode, SluiceError } from '../../core/errors.ts'

/** Codes of the client library. */
const BY_CODE: Readonly<Record<string, ErrorCode>> = {
  AUTHORIZATION_VIOLATION: 'AUTH_FAILED',
  BAD_AUTHENTICATION: 'AUTH_FAILED',
  BAD_CREDS: 'AUTH_FAILED',
  AUTHENTICATION_EXPIRED: 'AUTH_FAILED',
  ACCOUNT_EXPIRED: 'AUTH_FAILED',
  AUTHENTICATION_TIMEOUT: 'TIMED_OUT',
  PERMISSIONS_VIOLATION: 'ACCESS_DENIED',
  CONNECTION_REFUSED: 'CONNECT_FAILED',
  CONNECTION_TIMEOUT: 'CONNECT_FAILED',
  CONNECTION_CLOSED: 'CONNECTION_LOST',
  CONNECTION_DRAINING: 'CONNECTION_LOST',
  DISCONNECT: 'CONNECTION_LOST',
  TIMEOUT: 'TIMED_OUT',
  TLS: 'TLS_FAILED',
  SERVER_OPT_NA: 'TLS_FAILED',
  MAX_PAYLOAD_EXCEEDED: 'TOO_LARGE',
  '503': 'NOT_SUPPORTED',
}

/** `err_code` of JetStream's answers. */
const BY_API_CODE: Readonly<Record<number, ErrorCode>> = {
  10008: 'UNAVAILABLE', // JetStream system temporarily unavailable
  10009: 'UNAVAILABLE', // replication of the stream is not ready
  10014: 'ADDRESS_MISSING', // consumer not found
  10023: 'UNAVAILABLE', // insufficient resources
  10026: 'UNAVAILABLE', // maximum consumers limit reached
  10028: 'UNAVAILABLE', // resource limits exceeded for the account
  10035: 'NOT_SUPPORTED', // no JetStream default or applicable tiered limit
  10039: 'NOT_SUPPORTED', // JetStream not enabled for the account
  10047: 'UNAVAILABLE', // insufficient storage
  10058: 'ADDRESS_MISMATCH', // stream name in use with another configuration
  10059: 'ADDRESS_MISSING', // stream not found
  10060: 'ADDRESS_MISSING', // another stream took the subject than the one expected
  10065: 'ADDRESS_MISMATCH', // subjects overlap with those of another stream
  10076: 'NOT_SUPPORTED', // JetStream not enabled
  10100: 'ADDRESS_MISMATCH', // a work queue needs unique filters
  10099: 'ADDRESS_MISMATCH', // a work queue takes one consumer without a filter
  10148: 'ADDRESS_MISMATCH', // consumer exists with another configuration
}

const UNREACHABLE = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ETIMEDOUT|EADDRNOTAVAIL)$/
const LOST = /^(ECONNRESET|EPIPE|ECONNABORTED)$/
const TLS = /^(EPROTO$|ERR_SSL_|ERR_TLS_|ERR_OSSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED|UNABLE_TO_)/

interface Known {
  readonly code?: unknown
  readonly message?: unknown
  readonly chainedError?: unknown
  readonly cause?: unknown
  readonly api_error?: { readonly err_code?: unknown; readonly description?: unknown; readonly code?: unknown }
}

/** An answer of JetStream that says what went wrong. */
export interface ApiError {
  readonly code?: number
  readonly err_code?: number
  readonly description?: string
}

/**
 * An error of the client library as ours; unknown ones are `retry`. `doing` begins the sentence: `opening the stream
 * ORDERS`. The library's messages hold no credentials.
 */
export function natsError(error: unknown, doing: string): SluiceError {
  if (error instanceof SluiceError) return error
  // The library rejects with nothing where the server just closed the connection.
  if (error === undefined || error === null)
    return new SluiceError('CONNECTION_LOST', `${doing}: the server closed the connection`)
  const known = error as Known
  if (known.api_error !== undefined) return apiFailure(known.api_error as ApiError, doing, error)
  for (const part of [known, known.chainedError, known.cause] as readonly (Known | undefined)[]) {
    if (typeof part?.code !== 'string') continue
    const transport = transportError(part.code, typeof part.message === 'string' ? part.message : '')
    if (transport !== undefined) return new SluiceError(transport[0], `${doing}: ${transport[1]}`, { cause: error })
  }
  const code = typeof known.code === 'string' ? BY_CODE[known.code] : undefined
  if (code !== undefined)
    return new SluiceError(code, `${doing}: ${explain(known.code as string, error)}`, { cause: error })
  return new SluiceError('UNKNOWN', `${doing}: ${describe(error)}`, { cause: error })
}

/** What JetStream answered, as an error of ours. A request it does not understand is an option that cannot work. */
export function apiFailure(answer: ApiError, doing: string, cause?: unknown): SluiceError {
  const code = BY_API_CODE[answer.err_code ?? 0] ?? ((answer.code ?? 500) < 500 ? 'OPTIONS_INVALID' : 'UNAVAILABLE')
  return new SluiceError(code, `${doing}: ${answer.description ?? 'JetStream refused'} (${answer.err_code ?? '?'})`, {
    cause,
  })
}

function transportError(code: string, text: string): readonly [ErrorCode, string] | undefined {
  if (TLS.test(code)) return ['TLS_FAILED', tlsReason(code, text)]
  if (UNREACHABLE.test(code)) return ['CONNECT_FAILED', `the server cannot be reached (${code})`]
  if (LOST.test(code)) return ['CONNECTION_LOST', `the connection broke (${code})`]
  return undefined
}

function explain(code: string, error: unknown): string {
  switch (code) {
    case 'AUTHORIZATION_VIOLATION':
    case 'BAD_AUTHENTICATION':
      return 'the server refused the credentials, or wants some'
    case 'BAD_CREDS':
      return 'the creds are no credentials file: a JWT and a seed between dashed lines'
    case 'AUTHENTICATION_EXPIRED':
    case 'ACCOUNT_EXPIRED':
      return 'the credentials have expired'
    case 'CONNECTION_REFUSED':
      return 'the server cannot be reached'
    case 'TIMEOUT':
      return 'the server did not answer in time'
    case 'SERVER_OPT_NA':
      return 'the server does not speak TLS on this port'
    case '503':
      return 'JetStream does not answer: it is not enabled here, or the domain is wrong'
    case 'CONNECTION_CLOSED':
    case 'CONNECTION_DRAINING':
    case 'DISCONNECT':
      return 'the connection was lost'
    default:
      return describe(error)
  }
}

function tlsReason(code: string, text: string): string {
  if (code.startsWith('ERR_OSSL_')) return `the client certificate or its key cannot be used (${code})`
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    if (/wrong version|packet length too long|unknown protocol/i.test(text))
      return 'the server does not speak TLS on this port'
    return `the server refused the client certificate, or wants one (${code})`
  }
  if (code === 'CERT_HAS_EXPIRED') return 'the server’s certificate has expired'
  return `the server’s certificate was not accepted (${code})`
}
