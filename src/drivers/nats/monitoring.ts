import { SluiceError } from '../../core/errors.ts'
import { type Asking, getJson } from '../../core/http.ts'

/** When one server writes to its disk what JetStream has acknowledged. */
export interface Syncing {
  readonly server: string
  /** ms; 0 = before it acknowledges; undefined: it does not say, as before 2.10. */
  readonly intervalMs: number | undefined
}

const NANOS = 1e6

/** Asks the monitoring of one server. Throws a SluiceError; UNAVAILABLE where there is no monitoring, or no JetStream. */
export async function askSyncing(address: string, asking: Asking, signal: AbortSignal): Promise<Syncing> {
  const base = new URL(address)
  const what = `the monitoring at ${base.host}`
  const headers: Record<string, string> = base.username === '' ? {} : { authorization: basic(base) }
  base.username = base.password = ''
  const url = new URL(`${base.pathname.replace(/\/+$/, '')}/varz`, base)
  const { status, value } = await getJson(url, what, { ...asking, headers }, signal)
  const { server_name: server, jetstream } = (value ?? {}) as Varz
  if (status !== 200 || typeof server !== 'string')
    throw new SluiceError('UNAVAILABLE', `${what} does not answer as a NATS server does (${status})`, {
      hint: 'Correct `monitoring` of the connection: it is where `http` or `https` of the server listens.',
    })
  if (jetstream?.config === undefined)
    throw new SluiceError('UNAVAILABLE', `${what}: the server ${server} has no JetStream`, {
      hint: 'Name the servers that have it.',
    })
  const { sync_interval: interval, sync_always: always } = jetstream.config
  return { server, intervalMs: always === true ? 0 : interval === undefined ? undefined : interval / NANOS }
}

/** As far as it is used. */
interface Varz {
  readonly server_name?: unknown
  readonly jetstream?: {
    /** Nanoseconds. */
    readonly config?: { readonly sync_interval?: number; readonly sync_always?: boolean }
  }
}

const basic = ({ username, password }: URL): string =>
  `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')}`
