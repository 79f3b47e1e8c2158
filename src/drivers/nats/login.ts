import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import {
  type Authenticator,
  credsAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from 'nats'
import { SluiceError } from '../../core/errors.ts'
import { milliseconds } from '../../core/schema.ts'
import { readPems } from '../../core/tls-files.ts'
import { type Address, parseUrl, type Server } from './address.ts'
import type { ConnectionOptions } from './connection-options.ts'

/** What a connection needs to know of its options, texts made numbers. */
export interface Settings {
  readonly address: Address
  readonly name: string
  readonly prefix: string
  readonly inboxPrefix: string
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly pingIntervalMs: number
}

/** Reads no files. Throws OPTIONS_INVALID. */
export function settingsOf(options: ConnectionOptions, name: string): Settings {
  return {
    address: parseUrl(options.url),
    name: options.name ?? `sluice/${name}`,
    prefix: options.domain === undefined ? '$JS.API' : `$JS.${options.domain}.API`,
    inboxPrefix: options.inboxPrefix ?? '_INBOX',
    connectTimeoutMs: milliseconds(options.connectTimeout ?? '10s'),
    requestTimeoutMs: milliseconds(options.requestTimeout ?? '10s'),
    pingIntervalMs: milliseconds(options.pingInterval ?? '10s'),
  }
}

/** How to log in; reads the files it takes, so that a renewed one is found at the next connect. Throws OPTIONS_INVALID. */
export function authenticator(options: ConnectionOptions, address: Address, baseDir: string): Authenticator[] {
  const { creds, nkey, token } = options
  const user = options.username ?? address.user
  const password = options.password ?? address.password
  if (creds !== undefined) {
    const text = creds.includes('-----BEGIN') ? creds : readText('creds', creds, baseDir)
    return [credsAuthenticator(Buffer.from(`${text}\n`, 'utf8'))]
  }
  if (nkey !== undefined) {
    const seed = /^SU[A-Z2-7]{56}$/.test(nkey) ? nkey : readText('nkey', nkey, baseDir).trim()
    return [nkeyAuthenticator(Buffer.from(seed, 'latin1'))]
  }
  if (token !== undefined) return [tokenAuthenticator(token)]
  if (user === undefined) return []
  return [password === undefined ? tokenAuthenticator(user) : usernamePasswordAuthenticator(user, password)]
}

/** TLS settings for one server as the client library hands them to `tls.connect`; null = none. */
export function tlsFor(
  options: ConnectionOptions,
  { secure }: Address,
  server: Server,
  baseDir: string,
): object | null {
  if (options.tls === undefined && !secure) return null
  const { servername } = options.tls ?? {}
  // An address has no name to ask for: the certificate is compared with `host`.
  const name = servername ?? (isIP(server.host) === 0 ? server.host : undefined)
  return {
    ...tlsOf(options, baseDir),
    host: server.host,
    ...(name === undefined ? {} : { servername: name }),
  }
}

/** The TLS settings without what is one server's own; reads the files. Throws OPTIONS_INVALID. */
export function tlsOf({ tls = {} }: ConnectionOptions, baseDir: string): object {
  const { servername: _, ...rest } = tls
  return { ...rest, ...readPems(tls, baseDir) }
}

function readText(option: string, file: string, baseDir: string): string {
  try {
    return readFileSync(resolve(baseDir, file), 'utf8')
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown'
    // What stands there may be a secret that was meant as its text.
    throw new SluiceError('OPTIONS_INVALID', `the file of \`${option}\` cannot be read (${code})`)
  }
}
