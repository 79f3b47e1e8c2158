import { describe, type ErrorCode, SluiceError } from '../../core/errors.ts'

/** Kafka's own error names (both clients use them) that have a code of ours; the others say UNAVAILABLE when retriable. */
const BY_NAME: Readonly<Record<string, ErrorCode>> = {
  SASL_AUTHENTICATION_FAILED: 'AUTH_FAILED',
  UNSUPPORTED_SASL_MECHANISM: 'AUTH_FAILED',
  ILLEGAL_SASL_STATE: 'AUTH_FAILED',
  TOPIC_AUTHORIZATION_FAILED: 'ACCESS_DENIED',
  GROUP_AUTHORIZATION_FAILED: 'ACCESS_DENIED',
  CLUSTER_AUTHORIZATION_FAILED: 'ACCESS_DENIED',
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 'ACCESS_DENIED',
  UNKNOWN_TOPIC_OR_PARTITION: 'ADDRESS_MISSING',
  INVALID_TOPIC_EXCEPTION: 'ADDRESS_MISSING',
  REQUEST_TIMED_OUT: 'TIMED_OUT',
  UNSUPPORTED_VERSION: 'NOT_SUPPORTED',
  UNSUPPORTED_FOR_MESSAGE_FORMAT: 'NOT_SUPPORTED',
  UNSUPPORTED_COMPRESSION_TYPE: 'NOT_SUPPORTED',
  MESSAGE_TOO_LARGE: 'TOO_LARGE',
  RECORD_LIST_TOO_LARGE: 'TOO_LARGE',
  INVALID_RECORD: 'MESSAGE_REFUSED',
  INVALID_TIMESTAMP: 'MESSAGE_REFUSED',
  INVALID_REPLICATION_FACTOR: 'OPTIONS_INVALID',
  INVALID_PARTITIONS: 'OPTIONS_INVALID',
  INVALID_CONFIG: 'OPTIONS_INVALID',
  POLICY_VIOLATION: 'OPTIONS_INVALID',
  INVALID_SESSION_TIMEOUT: 'OPTIONS_INVALID',
  INVALID_TRANSACTION_TIMEOUT: 'OPTIONS_INVALID',
  INVALID_GROUP_ID: 'OPTIONS_INVALID',
  INCONSISTENT_GROUP_PROTOCOL: 'ADDRESS_IN_USE',
}

const UNREACHABLE = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ETIMEDOUT|EADDRNOTAVAIL)$/
const LOST = /^(ECONNRESET|EPIPE|ECONNABORTED)$/
const TLS = /^(EPROTO$|ERR_SSL_|ERR_TLS_|ERR_OSSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED|UNABLE_TO_)/

interface Known {
  readonly name?: unknown
  readonly code?: unknown
  readonly type?: unknown
  readonly apiId?: unknown
  readonly cause?: unknown
  readonly errors?: unknown
  readonly message?: unknown
}

/** Everything an error consists of: itself, its causes and its parts, the outermost first; at most 50. */
export function parts(error: unknown): readonly Known[] {
  const found: Known[] = []
  const queue: unknown[] = [error]
  for (const next of queue) {
    if (typeof next !== 'object' || next === null || found.length >= 50 || found.includes(next)) continue
    const known: Known = next
    found.push(known)
    if (known.cause !== undefined) queue.push(known.cause)
    if (Array.isArray(known.errors)) queue.push(...known.errors.slice(0, 20))
  }
  return found
}

/** Kafka's name for the error the broker answered with, e.g. `MESSAGE_TOO_LARGE`. */
export function kafkaName(error: unknown): string | undefined {
  for (const part of parts(error)) {
    if (typeof part.apiId === 'string') return part.apiId
    if (part.name === 'KafkaJSProtocolError' && typeof part.type === 'string') return part.type
  }
  return undefined
}

/**
 * An error of either client library as ours. `doing` begins the sentence: `consuming shop.orders`. Never contains
 * credentials: neither library puts them into its messages.
 */
export function kafkaError(error: unknown, doing: string): SluiceError {
  if (error instanceof SluiceError) return error
  const all = parts(error)
  const fail = (code: ErrorCode, why: string) => new SluiceError(code, `${doing}: ${why}`, { cause: error })
  const name = kafkaName(error)
  if (name !== undefined && BY_NAME[name] !== undefined) return fail(BY_NAME[name], explain(name))
  for (const part of all) {
    const known = transportError(part)
    if (known !== undefined) return fail(...known)
  }
  // A connection that closes in the middle of a login is no refusal.
  const closed = all.some(part => part.message === 'Connection closed')
  if (
    !closed &&
    all.some(part => part.name === 'KafkaJSSASLAuthenticationError' || part.code === 'PLT_KFK_AUTHENTICATION')
  )
    return fail('AUTH_FAILED', 'the broker refused the login or its mechanism')
  if (name !== undefined) return fail('UNAVAILABLE', explain(name))
  for (const part of all) {
    const text = typeof part.message === 'string' ? part.message : ''
    if (/timed out|timeout/i.test(text)) return fail('TIMED_OUT', 'the broker did not answer in time')
    if (part.name === 'KafkaJSNotImplemented') return fail('NOT_SUPPORTED', text)
    if (part.name === 'RangeError') return fail('RECORDS_UNREADABLE', text)
    if (/connection (closed|error|to )|closed connection|disconnected|Connection error/i.test(text))
      return fail('CONNECTION_LOST', 'the connection was closed')
  }
  return fail('UNKNOWN', describe(error))
}

function transportError({ code, message }: Known): readonly [ErrorCode, string] | undefined {
  const text = typeof message === 'string' ? message : ''
  const name = typeof code === 'string' ? code : ''
  if (TLS.test(name)) return ['TLS_FAILED', tlsReason(name, text)]
  if (text.startsWith('Broker requires TLS')) return ['TLS_FAILED', 'the broker speaks TLS on this port: use kafkas://']
  if (text.startsWith('TLS handshake failed')) return ['TLS_FAILED', 'the broker does not speak TLS on this port']
  if (UNREACHABLE.test(name)) return ['CONNECT_FAILED', `the broker cannot be reached (${name})`]
  if (LOST.test(name)) return ['CONNECTION_LOST', `the connection broke (${name})`]
  return undefined
}

function explain(name: string): string {
  switch (name) {
    case 'ILLEGAL_SASL_STATE':
      return 'the broker wants no login on this port: leave `sasl` and the user out'
    case 'SASL_AUTHENTICATION_FAILED':
      return 'the broker refused the user or password'
    case 'UNSUPPORTED_SASL_MECHANISM':
      return 'the broker does not offer this SASL mechanism'
    case 'UNKNOWN_TOPIC_OR_PARTITION':
      return 'the topic does not exist'
    case 'INVALID_TOPIC_EXCEPTION':
      return 'the broker does not accept the name of the topic'
    case 'INVALID_TRANSACTION_TIMEOUT':
      return 'the broker allows no transaction so long (`transactionTimeout`, `transaction.max.timeout.ms`)'
    case 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED':
      return 'the user may not use the transactional id (it needs WRITE and DESCRIBE on those that begin with `sluice.`)'
    case 'ILLEGAL_GENERATION':
    case 'UNKNOWN_MEMBER_ID':
      return `the group has gone on without this gateway (${name})`
    case 'INVALID_PRODUCER_EPOCH':
    case 'PRODUCER_FENCED':
      return `the broker aborted the transaction because it took too long (${name})`
    case 'NOT_ENOUGH_REPLICAS':
    case 'NOT_ENOUGH_REPLICAS_AFTER_APPEND':
      return `fewer replicas are in sync than \`min.insync.replicas\` of the topic asks for (${name})`
    case 'OFFSET_METADATA_TOO_LARGE':
      return 'the note of settled messages is too long: `offset.metadata.max.bytes` of the broker must be 4096 or more'
    case 'INCONSISTENT_GROUP_PROTOCOL':
      return 'the group is in use by consumers of another kind'
    default:
      return `the broker answered ${name}`
  }
}

function tlsReason(code: string, text: string): string {
  if (code.startsWith('ERR_OSSL_')) return `the client certificate or its key cannot be used (${code})`
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    if (/wrong version|packet length too long|unknown protocol/i.test(text))
      return 'the broker does not speak TLS on this port'
    if (/certificate|handshake failure|unknown ca/i.test(text))
      return `the broker refused the client certificate, or wants one (${code})`
  }
  if (code === 'CERT_HAS_EXPIRED') return 'the broker’s certificate has expired'
  return `the broker’s certificate was not accepted (${code})`
}
