import { describe, type ErrorCode, SluiceError } from '../core/errors.ts'

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|SSL|TLS|EPROTO|HOSTNAME_MISMATCH/

// What Redis answers begins with a word of its own: https://redis.io/docs/latest/develop/reference/protocol-spec/
const REPLIES: readonly (readonly [RegExp, ErrorCode, string | undefined])[] = [
  [
    /^(WRONGPASS|NOAUTH)\b|invalid username-password/i,
    'AUTH_FAILED',
    'Correct the user and password in the url of the store.',
  ],
  [
    /^NOPERM\b|ACL failure in script|user executing the script can't/,
    'ACCESS_DENIED',
    'Let the user run hash, list, key and script commands on the keys of the prefix: ~sluice:* +@read +@write +@scripting +@connection +time.',
  ],
  [
    /^(MOVED|ASK|CROSSSLOT|CLUSTERDOWN)\b/,
    'NOT_SUPPORTED',
    'Redis Cluster is not supported: give the store a single primary, with replicas or behind Sentinel’s address.',
  ],
  [/^OOM\b/, 'STORE_AWAY', 'Redis is full: give it more memory, or remember fewer keys (`window`, `count`).'],
  [/unknown command.*HELLO/i, 'NOT_SUPPORTED', 'The store needs Redis 6 or later, or Valkey.'],
]

/** Whatever went wrong as an error of the store, without the url's password. `where` is host and port. */
export function redisError(error: unknown, where: string): SluiceError {
  if (error instanceof SluiceError) return error
  const text = describe(error)
  const found = REPLIES.find(([pattern]) => pattern.test(text))
  const code = String((error as NodeJS.ErrnoException | undefined)?.code ?? '')
  if (found === undefined && CERTIFICATE.test(code))
    return new SluiceError('TLS_FAILED', `the dedup store at ${where}: ${text}`, { cause: error })
  const [, kind, hint] = found ?? [undefined, 'STORE_AWAY' as const, undefined]
  return new SluiceError(
    kind,
    `the dedup store at ${where}: ${text}`,
    hint === undefined ? { cause: error } : { cause: error, hint },
  )
}
