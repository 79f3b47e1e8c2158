import type { ChannelModel } from 'amqplib'
import { SluiceError } from '../../core/errors.ts'
import type { Log } from '../../core/ports.ts'
import { aborting } from '../../core/waiting.ts'
import { dial } from './dial.ts'
import { translate } from './errors.ts'
import type { Login } from './login.ts'
import { Wire } from './wire.ts'

const CLOSE_MS = 3_000
/** For the last frames to get out before the socket is ended. */
const FAREWELL_MS = 1_000

/** One open TCP connection. */
export class OpenLink {
  readonly model: ChannelModel
  readonly wire: Wire
  #lost: SluiceError | undefined
  #blocked = false
  #unblockedAt = 0

  constructor(model: ChannelModel) {
    this.model = model
    this.wire = new Wire(model)
    let reason: SluiceError | undefined
    model.on('error', error => {
      reason ??= translate(error, 'the connection was lost')
    })
    model.on('blocked', () => {
      this.#blocked = true
    })
    model.on('unblocked', () => {
      this.#blocked = false
      this.#unblockedAt = performance.now()
    })
    model.on('close', error => {
      this.#lost = reason ?? translate(error ?? new Error('closed'), 'the connection was closed')
      // amqplib only half-closes the socket, and a peer that is gone never answers that.
      setTimeout(() => this.wire.destroy(), FAREWELL_MS).unref()
    })
  }

  /** Why the connection ended, or undefined while it is open: the reason behind the errors of its channels. */
  get lost(): SluiceError | undefined {
    return this.#lost
  }

  /** True while the broker does not read what is published. */
  get blocked(): boolean {
    return this.#blocked
  }

  /** performance.now() when it last began to read again; 0 = it always did. */
  get unblockedAt(): number {
    return this.#unblockedAt
  }
}

export interface LinkListener {
  onBlocked(reason: string): void
  onUnblocked(): void
}

/**
 * A TCP connection for one purpose (consuming or publishing), shared by the endpoints of a configured connection. Opened
 * when first asked for, and again after a loss.
 */
export class Link implements AsyncDisposable {
  readonly #login: Login
  readonly #purpose: string
  readonly #log: Log
  readonly #listeners = new Set<LinkListener>()
  readonly #closing = new AbortController()
  #open: OpenLink | undefined
  #opening: Promise<OpenLink> | undefined
  #blocked: string | undefined

  constructor(login: Login, purpose: string, log: Log) {
    this.#login = login
    this.#purpose = purpose
    this.#log = log
  }

  /** Whether the broker would believe that a message is from this user: it compares with the user of the connection. */
  vouchesFor(userId: string): boolean {
    return !this.#login.external && userId === this.#login.username
  }

  listen(listener: LinkListener): void {
    this.#listeners.add(listener)
    if (this.#blocked !== undefined) listener.onBlocked(this.#blocked)
  }

  unlisten(listener: LinkListener): void {
    this.#listeners.delete(listener)
  }

  /** The open connection; opens it if need be. Overlapping callers share one attempt. Throws what `dial` throws. */
  async open(signal: AbortSignal): Promise<OpenLink> {
    if (this.#closing.signal.aborted) throw new SluiceError('ABORTED', 'the connection is closed')
    if (this.#open !== undefined) return this.#open
    this.#opening ??= this.#dial().finally(() => {
      this.#opening = undefined
    })
    return aborting(this.#opening, signal)
  }

  async #dial(): Promise<OpenLink> {
    const model = await dial(this.#login, this.#purpose, this.#closing.signal)
    const open = new OpenLink(model)
    model.on('close', () => {
      if (this.#open === open) this.#open = undefined
      this.#unblocked()
    })
    model.on('handler-error', (error, event) => {
      this.#log.error({ error, event }, 'a handler of an AMQP event failed; please report it')
    })
    model.on('blocked', why => {
      this.#blocked = why
      for (const listener of this.#listeners) listener.onBlocked(why)
    })
    model.on('unblocked', () => this.#unblocked())
    this.#open = open
    return open
  }

  /** Ends a connection that does not answer: everything on it fails now, not at the next missed heartbeat. */
  drop(): void {
    this.#open?.wire.destroy(new Error('the broker does not answer'))
    this.#open = undefined
  }

  #unblocked(): void {
    if (this.#blocked === undefined) return
    this.#blocked = undefined
    for (const listener of this.#listeners) listener.onUnblocked()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    const open = this.#open ?? (await this.#opening?.catch(() => undefined))
    this.#open = undefined
    if (open === undefined) return
    await aborting(open.model.close(), AbortSignal.timeout(CLOSE_MS)).catch(() => {})
    open.wire.destroy()
  }
}
