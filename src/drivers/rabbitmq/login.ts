import { SluiceError } from '../../core/errors.ts'
import { milliseconds } from '../../core/schema.ts'
import { type TlsSettings, tlsSettings } from '../../core/tls-files.ts'
import type { ConnectionOptions } from './connection-options.ts'

export interface Host {
  readonly hostname: string
  readonly port: number
}

/** How the management API is asked. */
export interface ManagementAccess {
  /** Without user and password. */
  readonly url: URL
  readonly vhost: string
  /** The header. */
  readonly authorization: string
  readonly tls: TlsSettings | undefined
  /** Longest wait for an answer, in ms. */
  readonly timeoutMs: number
}

/** Everything needed to open a connection, read once from the options, but for the certificate files. */
export interface Login {
  readonly secure: boolean
  /** Tried in turn, the url's own first. */
  readonly hosts: readonly Host[]
  readonly vhost: string
  readonly username: string
  readonly password: string
  readonly external: boolean
  readonly tls: TlsSettings | undefined
  /** Whole seconds; 0 = none. */
  readonly heartbeat: number
  readonly connectTimeoutMs: number
  /** Shown by the broker's tools. */
  readonly name: string
}

/** Throws OPTIONS_INVALID for a url or a certificate file that cannot be read. */
export function readLogin(options: ConnectionOptions, name: string, baseDir: string): Login {
  const url = parse(options.url)
  const secure = url.protocol === 'amqps:'
  const port = secure ? 5671 : 5672
  const own = { hostname: url.hostname.replace(/^\[|\]$/g, '') || 'localhost', port: Number(url.port) || port }
  const anonymous = url.username === '' && url.password === ''
  return {
    secure,
    hosts: [own, ...(options.hosts ?? []).map(text => host(text, port))],
    vhost: options.vhost ?? (url.pathname.length > 1 ? decode(url.pathname.slice(1)) : '/'),
    username: options.username ?? (anonymous ? 'guest' : decode(url.username)),
    password: options.password ?? (anonymous ? 'guest' : decode(url.password)),
    external: options.auth === 'external',
    tls: secure ? tlsSettings(options.tls ?? {}, baseDir) : undefined,
    heartbeat: Math.ceil(milliseconds(options.heartbeat ?? '10s') / 1000),
    connectTimeoutMs: milliseconds(options.connectTimeout ?? '10s'),
    name: options.connectionName ?? `sluice/${name}`,
  }
}

/** Undefined where the connection does not name it. Throws OPTIONS_INVALID. */
export function readManagement(
  options: ConnectionOptions,
  login: Login,
  baseDir: string,
): ManagementAccess | undefined {
  if (options.management === undefined) return undefined
  const url = parse(options.management, 'management is not of the form http[s]://host:port')
  const own = url.username !== '' || url.password !== ''
  const user = own ? decode(url.username) : login.username
  const password = own ? decode(url.password) : login.password
  url.username = url.password = ''
  return {
    url,
    vhost: login.vhost,
    authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
    tls: url.protocol === 'https:' ? tlsSettings(options.tls ?? {}, baseDir) : undefined,
    timeoutMs: login.connectTimeoutMs,
  }
}

function parse(text: string, problem = 'the url is not of the form amqp[s]://user:password@host:port/vhost'): URL {
  try {
    return new URL(text)
  } catch {
    // The text may hold a password, so it is not repeated here.
    throw new SluiceError('OPTIONS_INVALID', problem, {
      hint: 'Write special characters of user, password and vhost as %XX.',
    })
  }
}

function host(text: string, port: number): Host {
  const url = parse(`amqp://${text}`)
  return { hostname: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) || port }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new SluiceError(
      'OPTIONS_INVALID',
      'user, password or vhost in the url hold a % that is not followed by two digits',
    )
  }
}
