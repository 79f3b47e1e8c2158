import type { NatsConnection } from 'nats'
import { SluiceError } from '../../core/errors.ts'
import type { ConnectContext, Log } from '../../core/ports.ts'
import { abortable } from '../../core/waiting.ts'
import { hostPort, parseServer, type Server } from './address.ts'
import type { ConnectionOptions } from './connection-options.ts'
import { type Dialing, dial } from './dial.ts'
import { natsError } from './errors.ts'
import type { Settings } from './login.ts'
import { within } from './within.ts'

const CLOSE_MS = 3_000
/** Most servers remembered that other servers told about. */
const MOST_LEARNT = 100

/** What happens to a connection, told to those who use it. */
export interface LinkListener {
  /** It is gone for good. */
  onLost(error: SluiceError): void
  /** The server refused to let us publish to, or subscribe to, a subject. */
  onDenied?(operation: 'publish' | 'subscription', subject: string, error: SluiceError): void
}

/** One open connection to a server. */
export class OpenLink {
  readonly nc: NatsConnection
  readonly settings: Settings
  readonly #listeners = new Set<LinkListener>()
  #lost: SluiceError | undefined

  constructor(nc: NatsConnection, settings: Settings) {
    this.nc = nc
    this.settings = settings
    void this.#watch()
    void nc.closed().then(error => this.lose(natsError(error ?? { code: 'DISCONNECT' }, 'the connection was lost')))
  }

  /** Why the connection ended, or undefined while it is open. */
  get lost(): SluiceError | undefined {
    return this.#lost
  }

  /** Most bytes of headers and body together that the server takes. */
  get maxPayload(): number {
    return this.nc.info?.max_payload ?? 1_048_576
  }

  listen(listener: LinkListener): void {
    this.#listeners.add(listener)
    if (this.#lost !== undefined) listener.onLost(this.#lost)
  }

  unlisten(listener: LinkListener): void {
    this.#listeners.delete(listener)
  }

  /** A round trip: what was sent before has been dealt with. Throws CONNECTION_LOST, TIMED_OUT, the signal's reason. */
  async flush(signal: AbortSignal): Promise<void> {
    if (this.#lost !== undefined) throw this.#lost
    const timeout = AbortSignal.timeout(this.settings.requestTimeoutMs)
    try {
      await abortable(this.nc.flush(), AbortSignal.any([signal, timeout]))
    } catch (error) {
      signal.throwIfAborted()
      if (timeout.aborted) throw new SluiceError('TIMED_OUT', 'the server did not answer in time')
      throw this.#lost ?? natsError(error, 'waiting for the server')
    }
  }

  /** Ends the connection for all who use it. */
  lose(error: SluiceError): void {
    if (this.#lost !== undefined) return
    this.#lost = error
    for (const listener of [...this.#listeners]) listener.onLost(error)
    this.#listeners.clear()
    void this.nc.close().catch(() => {})
  }

  async close(): Promise<void> {
    if (this.#lost === undefined) {
      // What was published last has to get out.
      await within(CLOSE_MS, this.nc.flush())
      this.lose(new SluiceError('ABORTED', 'the connection is closed'))
    }
    await within(CLOSE_MS, this.nc.closed())
  }

  async #watch(): Promise<void> {
    for await (const status of this.nc.status()) {
      const context = (status as { permissionContext?: { operation: 'publish' | 'subscription'; subject: string } })
        .permissionContext
      if (context === undefined) continue
      const { operation, subject } = context
      const what = operation === 'publish' ? 'publish to' : 'subscribe to'
      const error = new SluiceError('ACCESS_DENIED', `the user may not ${what} ${subject}`)
      for (const listener of [...this.#listeners]) listener.onDenied?.(operation, subject, error)
    }
  }
}

/** A connection for one purpose, shared by the endpoints of a configured one. Opened when first asked for, and after a loss. */
export class Link implements AsyncDisposable {
  readonly #dialing: Dialing
  readonly #log: Log
  readonly #closing = new AbortController()
  readonly #openers = new Set<(open: OpenLink) => void>()
  /** Servers that servers told about. */
  #learnt: readonly Server[] = []
  #open: OpenLink | undefined
  #opening: Promise<OpenLink> | undefined

  constructor(options: ConnectionOptions, settings: Settings, context: ConnectContext, purpose: string) {
    this.#dialing = { options, settings, baseDir: context.baseDir, purpose }
    this.#log = context.log
  }

  /** The open connection; opens it if need be. Overlapping callers share one attempt. Throws what `dial` throws. */
  async open(signal: AbortSignal): Promise<OpenLink> {
    if (this.#closing.signal.aborted) throw new SluiceError('ABORTED', 'the connection is closed')
    if (this.#open !== undefined && this.#open.lost === undefined) return this.#open
    this.#opening ??= this.#dial().finally(() => {
      this.#opening = undefined
    })
    return abortable(this.#opening, signal)
  }

  async #dial(): Promise<OpenLink> {
    const { settings } = this.#dialing
    const named = shuffled(settings.address.servers)
    const known = new Set(named.map(hostPort))
    const servers = [...named, ...this.#learnt.filter(server => !known.has(hostPort(server)))]
    const nc = await dial(this.#dialing, servers, this.#closing.signal)
    this.#learn(nc.info?.connect_urls ?? [])
    const open = new OpenLink(nc, settings)
    this.#open = open
    for (const opener of [...this.#openers]) opener(open)
    return open
  }

  /** Calls it with each new connection before anybody else may use that. Returns what ends it. */
  eachOpening(opener: (open: OpenLink) => void): () => void {
    this.#openers.add(opener)
    return () => void this.#openers.delete(opener)
  }

  #learn(urls: readonly string[]): void {
    try {
      this.#learnt = shuffled(urls.slice(0, MOST_LEARNT).map(parseServer))
    } catch (error) {
      this.#log.debug({ err: error }, 'a NATS server told of servers whose addresses cannot be read')
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new SluiceError('ABORTED', 'the connection is closed'))
    const open = this.#open ?? (await this.#opening?.catch(() => undefined))
    this.#open = undefined
    await open?.close()
  }
}

// So that many gateways do not all begin with the same server.
function shuffled(servers: readonly Server[]): Server[] {
  return servers
    .map(server => ({ server, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ server }) => server)
}
