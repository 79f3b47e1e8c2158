import { describe, type ErrorCode, SluiceError } from 'sluice'
import type { Action } from './document.ts'

/** What Elasticsearch says about one document of a bulk request. */
export interface Item {
  readonly status: number
  readonly error?: { readonly type: string; readonly reason?: string | null } | undefined
}

/** The result of one document: null = it is as the message wants it. */
export function itemResult(item: Item, action: Action, versioned: boolean): SluiceError | null {
  const { status, error } = item
  if (status < 300) return null
  // Deleted before, created before, or overtaken by a newer version: a repeat is harmless.
  if (status === 404 && error === undefined) return null
  if (status === 409 && (action === 'create' || versioned)) return null
  const { type = `status ${status}`, reason } = error ?? {}
  const text = `${type}: ${withoutValues(reason ?? 'no reason given')}`
  return new SluiceError(itemCode(status, type, text), text)
}

function itemCode(status: number, type: string, text: string): ErrorCode {
  if (type === 'index_not_found_exception') return 'ADDRESS_MISSING'
  // A disk that is full, an index that is locked: it passes, or somebody ends it.
  if (type === 'cluster_block_exception' || status === 429 || status >= 500) return 'UNAVAILABLE'
  if (status === 401) return 'AUTH_FAILED'
  if (status === 403) return 'ACCESS_DENIED'
  if (status === 409) return 'NACKED'
  if (status === 413) return 'TOO_LARGE'
  // Of the route, not of this document: every other would fail alike.
  if (/only write ops with an op_type of create|pipeline with id .* does not exist/.test(text)) return 'OPTIONS_INVALID'
  return 'MESSAGE_REFUSED'
}

// Elasticsearch quotes what it could not read, and an error travels in logs and dead letters.
function withoutValues(reason: string): string {
  return reason
    .replace(/\.? ?Preview of field's value: '.*'/s, '')
    .replace(/For input string: ".*"/s, 'For input string: …')
    .slice(0, 500)
}

interface ClientError {
  readonly name?: string
  readonly statusCode?: number
  readonly headers?: Readonly<Record<string, string | undefined>>
  readonly body?: { readonly error?: Item['error'] | string }
}

/** HTTP status of the answer that refused a whole request; undefined = there was none. */
export const statusOf = (error: unknown): number | undefined => (error as ClientError).statusCode

/** An error of the client, so of a whole request, as ours. `doing` begins the sentence. */
export function clientError(error: unknown, doing: string): SluiceError {
  if (error instanceof SluiceError) return error
  const { name, headers } = error as ClientError
  const fail = (code: ErrorCode, why: string, more = {}) => new SluiceError(code, `${doing}: ${why}`, more)
  switch (name) {
    case 'ResponseError': {
      const seconds = Number(headers?.['retry-after'])
      const retryAfterMs = seconds > 0 ? seconds * 1_000 : undefined
      return fail(...answer(error as ClientError), { retryAfterMs })
    }
    case 'TimeoutError':
      return fail('TIMED_OUT', 'Elasticsearch did not answer in time')
    case 'RequestAbortedError':
      return fail('ABORTED', 'the request was given up')
    case 'NoLivingConnectionsError':
      return fail('CONNECT_FAILED', 'no node answers')
    case 'ProductNotSupportedError':
      return fail('PROTOCOL_MISMATCH', 'what answers is not Elasticsearch')
    case 'ConnectionError':
      return fail(...broken(error))
    default:
      return fail('UNKNOWN', describe(error))
  }
}

function answer({ statusCode = 0, body }: ClientError): [ErrorCode, string] {
  const error = typeof body?.error === 'object' ? body.error : undefined
  const why = error === undefined ? `it answered ${statusCode}` : `${error.type}: ${withoutValues(error.reason ?? '')}`
  if (statusCode === 401) return ['AUTH_FAILED', 'Elasticsearch refused the user, password or API key']
  if (statusCode === 408) return ['TIMED_OUT', why]
  if (/media_type_header_exception/.test(error?.type ?? ''))
    return [
      'NOT_SUPPORTED',
      'the cluster is older than the client: install @elastic/elasticsearch of its major version',
    ]
  if (statusCode === 404 || statusCode === 405) return ['PROTOCOL_MISMATCH', why]
  return [itemCode(statusCode, error?.type ?? '', why), why]
}

const UNREACHABLE = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOST\w+|ENET\w+|ETIMEDOUT|EADDR\w+|Connect Timeout/
const CERTIFICATE = /certificate|altnames|EPROTO|SSL|TLS/i

// The client hands on nothing but the words of what broke.
function broken(error: unknown): [ErrorCode, string] {
  const text = describe(error)
  const away = UNREACHABLE.exec(text)?.[0]
  if (away !== undefined) return ['CONNECT_FAILED', `no node can be reached (${away})`]
  if (/wrong version number|packet length too long/.test(text)) return ['TLS_FAILED', 'no TLS is spoken on this port']
  if (CERTIFICATE.test(text)) return ['TLS_FAILED', `the certificate was not accepted (${text.slice(0, 200)})`]
  return ['CONNECTION_LOST', 'the connection broke']
}
