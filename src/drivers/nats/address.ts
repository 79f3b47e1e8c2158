import { SluiceError } from '../../core/errors.ts'

const PORT = 4222

export interface Server {
  readonly host: string
  readonly port: number
}

export interface Address {
  readonly servers: readonly Server[]
  /** The scheme demands TLS. */
  readonly secure: boolean
  readonly user: string | undefined
  readonly password: string | undefined
}

/** Splits `nats://user:pass@h1:4222,h2` (which URL cannot). Throws OPTIONS_INVALID, without the password in it. */
export function parseUrl(url: string): Address {
  const match = /^(nats|natss|tls):\/\/(?:(.*)@)?([^@/?#]+)\/?$/i.exec(url)
  if (match === null) throw invalid('is not nats://host:port or tls://user:password@host:port,host:port')
  const [, scheme, credentials, hosts] = match
  const colon = credentials?.indexOf(':') ?? -1
  const user = credentials === undefined ? undefined : decode(colon < 0 ? credentials : credentials.slice(0, colon))
  const password = credentials === undefined || colon < 0 ? undefined : decode(credentials.slice(colon + 1))
  return { secure: scheme!.toLowerCase() !== 'nats', user, password, servers: hosts!.split(',').map(parseServer) }
}

/** `host:port` as a server announces itself and its neighbours. Throws OPTIONS_INVALID. */
export function parseServer(text: string): Server {
  // `nats://a,nats://b` is how other clients spell several servers.
  const bare = text.trim().replace(/^(nats|natss|tls):\/\//i, '')
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(bare)
  const port = Number(match?.[3] ?? PORT)
  if (match === null || port < 1 || port > 65_535) throw invalid(`has "${text}" where host:port is expected`)
  return { host: match[1] ?? match[2]!, port }
}

export function hostPort({ host, port }: Server): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw invalid('has a user or password with a % that is not percent-encoding; write % as %25')
  }
}

function invalid(what: string): SluiceError {
  return new SluiceError('OPTIONS_INVALID', `the url ${what}`)
}
