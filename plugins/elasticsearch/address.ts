import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Client } from '@elastic/elasticsearch'
import { milliseconds, SluiceError } from 'sluice'
import type { ConnectionOptions } from './options.ts'

type ClientOptions = ConstructorParameters<typeof Client>[0]

const PORT = 9200
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[^:[\]\s]+)(?::(\d{1,5}))?$/

interface Address {
  readonly nodes: readonly string[]
  readonly user: string | undefined
  readonly password: string | undefined
}

/** Splits `elasticsearch://user:password@es-1:9200,es-2` (which URL cannot). Throws OPTIONS_INVALID, without the password. */
export function parseUrl(url: string): Address {
  const match = /^(elasticsearchs?):\/\/(?:(.*)@)?([^@/?#]+)(\/[^@?#]*)?$/i.exec(url)
  if (match === null)
    throw invalid('the url is not elasticsearch://host:port or elasticsearchs://user:password@host,host')
  const [, scheme, credentials, hosts, path = ''] = match
  const http = scheme!.toLowerCase() === 'elasticsearchs' ? 'https' : 'http'
  const nodes = hosts!.split(',').map(host => `${http}://${hostPort(host.trim())}${path.replace(/\/$/, '')}`)
  const colon = credentials?.indexOf(':') ?? -1
  if (credentials === undefined) return { nodes, user: undefined, password: undefined }
  if (colon < 1) throw invalid('the url has a user without a password')
  return { nodes, user: decode(credentials.slice(0, colon)), password: decode(credentials.slice(colon + 1)) }
}

/** What the client is told. Reads the PEM file that `tls.ca` names. Throws OPTIONS_INVALID. */
export function clientOptions(options: ConnectionOptions, baseDir: string): ClientOptions {
  const { nodes, user, password } = parseUrl(options.url)
  const { apiKey, tls, timeout = '30s' } = options
  return {
    nodes: [...nodes],
    ...(apiKey !== undefined
      ? { auth: { apiKey } }
      : user !== undefined
        ? { auth: { username: user, password: password! } }
        : {}),
    ...(tls === undefined
      ? {}
      : { tls: { ...authority(tls.ca, baseDir), rejectUnauthorized: tls.rejectUnauthorized ?? true } }),
    requestTimeout: milliseconds(timeout),
    // Each node may be asked once; further attempts are the engine's, which holds the route meanwhile.
    maxRetries: nodes.length - 1,
    // Nobody is told what runs where.
    enableMetaHeader: false,
  }
}

function hostPort(text: string): string {
  const match = HOST.exec(text)
  const port = Number(match?.[1] ?? PORT)
  if (match === null || port < 1 || port > 65_535) throw invalid(`the url has "${text}" where host:port is expected`)
  return match[1] === undefined ? `${text}:${PORT}` : text
}

function authority(ca: string | undefined, baseDir: string): { readonly ca?: string } {
  if (ca === undefined || ca.includes('-----BEGIN')) return ca === undefined ? {} : { ca }
  try {
    return { ca: readFileSync(resolve(baseDir, ca), 'utf8') }
  } catch (cause) {
    throw invalid(`the file of \`tls.ca\` (${ca}) cannot be read (${(cause as NodeJS.ErrnoException).code})`)
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw invalid('the url has a user or password with a % that is not percent-encoding; write % as %25')
  }
}

const invalid = (what: string) => new SluiceError('OPTIONS_INVALID', what)
