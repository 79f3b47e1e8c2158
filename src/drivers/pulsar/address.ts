import { SluiceError } from '../../core/errors.ts'
import { milliseconds } from '../../core/schema.ts'
import { readPems, type TlsSettings, tlsSettings } from '../../core/tls-files.ts'
import type { ConnectionOptions, TlsOptions } from './connection-options.ts'
import { parseNamespace, type TopicName } from './topic-name.ts'

/** Everything needed to reach the brokers, read once from the options, but for the certificate files. */
export interface Address {
  readonly scheme: 'ws' | 'wss' | 'pulsar' | 'pulsar+ssl'
  /** `host:port`, tried in turn. */
  readonly hosts: readonly string[]
  /** Path before `/ws/v2`, without a slash at its end. */
  readonly path: string
  readonly home: Pick<TopicName, 'tenant' | 'namespace'>
  readonly token: string | undefined
  /** For the native client alone, which takes PEM texts: the files as they are now. Throws OPTIONS_INVALID. */
  nativeTls(): Tls
  readonly tls: TlsSettings
  /** Address of the admin API without a slash at its end. */
  readonly admin: string | undefined
  readonly connectTimeoutMs: number
  readonly heartbeatMs: number
  /** Name of the connection. */
  readonly name: string
}

export type Tls = Omit<TlsOptions, 'rejectUnauthorized'> & { readonly rejectUnauthorized: boolean }

const PORTS = { ws: 8080, wss: 8443, pulsar: 6650, 'pulsar+ssl': 6651 } as const
const HOST = /^(\[[0-9a-fA-F:.]+\]|[^\s:@/?#[\]]+)(?::(\d{1,5}))?$/

/** Throws OPTIONS_INVALID for a url or a certificate file that cannot be read. */
export function readAddress(options: ConnectionOptions, name: string, baseDir: string): Address {
  const { scheme, hosts, path } = parseUrl(options.url)
  const problem = tlsProblem(options.tls)
  if (problem !== undefined) throw new SluiceError('OPTIONS_INVALID', `tls: ${problem}`)
  const tls = options.tls ?? {}
  return {
    scheme,
    hosts,
    path,
    home: parseNamespace(options.namespace ?? 'public/default')!,
    token: options.token,
    nativeTls: () => ({ rejectUnauthorized: true, ...tls, ...readPems(tls, baseDir) }),
    tls: tlsSettings(tls, baseDir),
    admin: options.admin?.replace(/\/+$/, ''),
    connectTimeoutMs: milliseconds(options.connectTimeout ?? '10s'),
    heartbeatMs: Math.max(1_000, milliseconds(options.heartbeat ?? '10s')),
    name,
  }
}

/** Throws OPTIONS_INVALID. The text is not repeated: somebody may have put a password into it. */
export function parseUrl(text: string): Pick<Address, 'scheme' | 'hosts' | 'path'> {
  const match = /^(wss?|pulsar(?:\+ssl)?):\/\/([^/]*)(\/.*)?$/.exec(text)
  if (match === null) throw invalid('does not begin with ws://, wss://, pulsar:// or pulsar+ssl://')
  const scheme = match[1] as Address['scheme']
  if (match[2]!.includes('@'))
    throw invalid('has a user in it; Pulsar knows tokens and client certificates: see `token` and `tls`')
  const hosts = match[2]!.split(',').map(part => {
    const host = HOST.exec(part)
    const port = Number(host?.[2] ?? PORTS[scheme])
    if (host === null || port < 1 || port > 65_535) throw invalid('has something that is no host or host:port')
    return `${host[1]}:${port}`
  })
  const path = (match[3] ?? '').replace(/\/+$/, '')
  if (path !== '' && !scheme.startsWith('ws')) throw invalid('has a path, which pulsar:// knows nothing of')
  if (/[\s?#]/.test(path)) throw invalid('has a path with something that no path has')
  return { scheme, hosts, path }
}

/** Problems of TLS options that a schema cannot say. */
export function tlsProblem(options: TlsOptions | undefined): string | undefined {
  return (options?.cert === undefined) === (options?.key === undefined)
    ? undefined
    : '`cert` and `key` belong together: one is missing'
}

function invalid(what: string): SluiceError {
  return new SluiceError('OPTIONS_INVALID', `the url ${what}`)
}
