import { SluiceError } from '../../core/errors.ts'
import { milliseconds } from '../../core/schema.ts'
import { type TlsSettings, tlsSettings } from '../../core/tls-files.ts'
import type { ConnectionOptions, TlsOptions } from './connection-options.ts'

export type Mechanism = 'plain' | 'scram-sha-256' | 'scram-sha-512'

export interface Broker {
  readonly host: string
  readonly port: number
}

export interface Login {
  readonly mechanism: Mechanism
  readonly username: string
  readonly password: string
}

/** Where a connection leads and how it gets in: what both client libraries are told. */
export interface Address {
  readonly brokers: readonly Broker[]
  readonly clientId: string
  readonly login: Login | undefined
  readonly tls: TlsSettings | undefined
  readonly connectTimeout: number
  readonly requestTimeout: number
}

/** Reads the options; reads the PEM files they name. Throws OPTIONS_INVALID. */
export function address(options: ConnectionOptions, name: string, baseDir: string): Address {
  const { brokers, user, password, secure } = parseUrl(options.url)
  return {
    brokers,
    clientId: options.clientId ?? `sluice-${name}`,
    login: login(options, user, password),
    tls: options.tls !== undefined || secure ? readTls(options.tls ?? {}, baseDir) : undefined,
    connectTimeout: milliseconds(options.connectTimeout ?? '10s'),
    requestTimeout: milliseconds(options.requestTimeout ?? '30s'),
  }
}

/** The brokers as `host:port` of a person's sentence; never user or password. */
export function place(address: Address): string {
  return address.brokers.map(hostPort).join(', ')
}

export function hostPort({ host, port }: Broker): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Splits `kafka://user:pass@h1:9092,h2` (which URL cannot). Throws OPTIONS_INVALID, without the password in it. */
export function parseUrl(url: string): {
  readonly secure: boolean
  readonly user: string | undefined
  readonly password: string | undefined
  readonly brokers: readonly Broker[]
} {
  const match = /^(kafkas?):\/\/(?:(.*)@)?([^@/?#]+)\/?$/i.exec(url)
  if (match === null) throw invalid('is not kafka://host:port or kafkas://user:password@host:port,host:port')
  const [, scheme, credentials, hosts] = match
  const colon = credentials?.indexOf(':') ?? -1
  const user = credentials === undefined ? undefined : decode(colon < 0 ? credentials : credentials.slice(0, colon))
  const password = credentials === undefined || colon < 0 ? undefined : decode(credentials.slice(colon + 1))
  return { secure: scheme!.toLowerCase() === 'kafkas', user, password, brokers: hosts!.split(',').map(parseBroker) }
}

function parseBroker(text: string): Broker {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(text.trim())
  const port = Number(match?.[3] ?? 9092)
  if (match === null || port < 1 || port > 65_535) throw invalid(`has "${text}" where host:port is expected`)
  return { host: match[1] ?? match[2]!, port }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw invalid('has a user or password with a % that is not percent-encoding; write % as %25')
  }
}

function login(options: ConnectionOptions, user: string | undefined, secret: string | undefined): Login | undefined {
  const username = options.sasl?.username ?? user
  const password = options.sasl?.password ?? secret
  if (options.sasl === undefined && username === undefined) return undefined
  if (!username || password === undefined)
    throw new SluiceError('OPTIONS_INVALID', 'a SASL login needs a user and a password, in `sasl` or in the url')
  return { mechanism: options.sasl?.mechanism ?? 'plain', username, password }
}

function readTls(options: TlsOptions, baseDir: string): TlsSettings {
  if ((options.cert === undefined) !== (options.key === undefined))
    throw new SluiceError('OPTIONS_INVALID', '`tls.cert` and `tls.key` belong together: one is missing')
  return tlsSettings(options, baseDir)
}

function invalid(what: string): SluiceError {
  return new SluiceError('OPTIONS_INVALID', `the url ${what}`)
}
