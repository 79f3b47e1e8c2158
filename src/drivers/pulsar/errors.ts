import { describe, type ErrorCode, SluiceError } from '../../core/errors.ts'

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET)|SSL|TLS|EPROTO|HOSTNAME_MISMATCH/
const NETWORK = /^(ECONN|EHOST|ENET|ENOTFOUND|EAI_|ETIMEDOUT|EPIPE|EADDR)/

/** HTTP statuses with which the broker refuses a WebSocket or a call of the admin API. */
const STATUSES: Readonly<Record<number, ErrorCode>> = {
  400: 'OPTIONS_INVALID',
  401: 'AUTH_FAILED',
  403: 'ACCESS_DENIED',
  404: 'ADDRESS_MISSING',
  409: 'ADDRESS_IN_USE',
  412: 'OPTIONS_INVALID',
  429: 'UNAVAILABLE',
}

const MAY_NOT = 'Grant `produce` or `consume` on the namespace or topic to the role of the token or certificate.'

// Results of the client libraries, as the WebSocket API and the native client word them. The first that fits counts.
const RESULTS: readonly (readonly [RegExp, ErrorCode])[] = [
  [
    /AuthenticationError|failed to authenticate|authentication (required|failed)|AuthenticationException/i,
    'AUTH_FAILED',
  ],
  [/AuthorizationError|not authorized|don't have permission|AuthorizationException/i, 'ACCESS_DENIED'],
  [/NamespaceNotFound|namespace not found|tenant (does not|not) |property .* does not exist/i, 'ADDRESS_MISSING'],
  [/TopicNotFound|topic (does not exist|not found)|SubscriptionNotFound/i, 'ADDRESS_MISSING'],
  [/TopicTerminated|topic .*terminated|terminated topic/i, 'ADDRESS_MISSING'],
  [/ConsumerBusy|ProducerBusy|already connected|ProducerFenced|exclusive/i, 'ADDRESS_IN_USE'],
  [/IncompatibleSchema|schema/i, 'ADDRESS_MISMATCH'],
  [/MessageTooBig|message size is bigger|exceeds .*(max|bytes)|larger than|too big/i, 'TOO_LARGE'],
  [/InvalidTopicName|InvalidConfiguration|InvalidUrl|invalid topic name/i, 'OPTIONS_INVALID'],
  [/UnsupportedVersion|NotSupported|not supported/i, 'NOT_SUPPORTED'],
  [/Backlog|quota|ProducerQueueIsFull|queue is full|MemoryBufferIsFull|TooMany|throttl|rate limit/i, 'UNAVAILABLE'],
  [/time.?out/i, 'TIMED_OUT'],
  [/Disconnected|NotConnected|ConnectError|ConnectFail|connection (was )?(closed|refused|reset)/i, 'CONNECTION_LOST'],
  [/AlreadyClosed|already closed/i, 'CONNECTION_LOST'],
  [/ServiceUnitNotReady|BrokerMetadata|BrokerPersistence|LookupError|unavailable|not ready|Retryable/i, 'UNAVAILABLE'],
]

/** Our code for the words of a client library; undefined when it says nothing we know. */
export function codeOfText(text: string): ErrorCode | undefined {
  return RESULTS.find(([words]) => words.test(text))?.[1]
}

/**
 * An answer that refuses. A 404 without a reason is no missing topic: what answers has no such service, or not yet.
 * @param reason what the broker says beside the status
 */
export function refused(status: number, reason: string, what: string): SluiceError {
  const told = reason === '' ? `status ${status}` : `${reason} (status ${status})`
  if (status === 404 && !/not found|does not exist|failed to create/i.test(reason))
    return new SluiceError('UNAVAILABLE', `${what}: ${told}`, {
      hint: 'If that persists: is it a Pulsar broker with `webSocketServiceEnabled=true`, or a WebSocket proxy of Pulsar?',
    })
  if (status === 409 || status >= 500) {
    const code = codeOfText(reason)
    const fallback = status === 409 ? 'ADDRESS_IN_USE' : status === 504 ? 'TIMED_OUT' : 'UNAVAILABLE'
    return new SluiceError(code ?? fallback, `${what}: ${told}`)
  }
  const code = STATUSES[status] ?? (status < 400 ? 'PROTOCOL_MISMATCH' : 'UNAVAILABLE')
  return new SluiceError(code, `${what}: ${told}`, status === 403 ? { hint: MAY_NOT } : {})
}

/** Any error of a socket as ours, in one sentence that begins with `what`. */
export function translate(error: unknown, what: string, fallback: ErrorCode = 'CONNECTION_LOST'): SluiceError {
  if (error instanceof SluiceError) return error
  const text = describe(error)
  const fail = (code: ErrorCode, hint?: string, words = text) =>
    new SluiceError(code, `${what}: ${words}`, hint === undefined ? { cause: error } : { cause: error, hint })
  const own = (error as NodeJS.ErrnoException | undefined)?.code ?? firstCode(error)
  if (typeof own === 'string') {
    if (/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG/.test(own) || /wrong version number|packet length/i.test(text))
      return fail('TLS_FAILED', 'Use ws:// instead of wss://, or another port.', 'the port does not speak TLS')
    if (CERTIFICATE.test(own)) return fail('TLS_FAILED')
    if (NETWORK.test(own)) return fail(fallback)
    if (own.startsWith('HPE_'))
      return fail('PROTOCOL_MISMATCH', 'Is the port right? Where it speaks TLS, the url begins with wss://.')
  }
  if (/alert/i.test(text)) return fail('TLS_FAILED')
  if (/Parse Error|Invalid Sec-WebSocket|Invalid WebSocket frame|Unexpected server response/i.test(text))
    return fail('PROTOCOL_MISMATCH')
  return fail(codeOfText(text) ?? fallback)
}

// Node tries all addresses of a name and gives all errors at once.
function firstCode(error: unknown): string | undefined {
  const [first] = error instanceof AggregateError ? (error.errors as NodeJS.ErrnoException[]) : []
  return first?.code
}
