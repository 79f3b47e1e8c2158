import type { Socket } from 'node:net'
import type WebSocket from 'ws'
import { type ErrorCode, SluiceError } from '../../core/errors.ts'
import { aborting } from '../../core/waiting.ts'
import { translate } from './errors.ts'
import type { LinkListener } from './transport.ts'
import type { Dialled } from './ws-dial.ts'

const POLICY = 1008
const TOO_BIG = 1009
const CODES: Readonly<Record<number, ErrorCode>> = { [POLICY]: 'ACCESS_DENIED' }

/** A WebSocket that is alive, which pings prove, until it is lost or closed. */
export class WsLink {
  readonly socket: WebSocket
  readonly #wire: Socket
  readonly #what: string
  readonly #listener: LinkListener
  readonly #heartbeat: NodeJS.Timeout
  readonly #gone = Promise.withResolvers<void>()
  #answered = true
  #corked = false
  #closing = false
  #lost = false
  #reason: SluiceError | undefined

  /** @param what begins the sentences of its errors */
  constructor({ socket, wire }: Dialled, what: string, heartbeatMs: number, listener: LinkListener) {
    this.socket = socket
    this.#wire = wire
    this.#what = what
    this.#listener = listener
    socket.on('pong', () => {
      this.#answered = true
    })
    socket.on('error', error => {
      this.#reason ??= translate(error, what)
    })
    socket.on('close', (code, reason) => this.#onClose(code, reason.toString()))
    this.#heartbeat = setInterval(() => this.#beat(), heartbeatMs)
  }

  get open(): boolean {
    return !this.#closing && !this.#lost && this.socket.readyState === this.socket.OPEN
  }

  /** Sends if it can; a link that is gone loses it. */
  send(frame: string): void {
    if (!this.open) return
    // Frames of one turn of the event loop go in one write: each by itself costs a system call.
    if (!this.#corked) {
      this.#corked = true
      this.#wire.cork()
      process.nextTick(() => {
        this.#corked = false
        this.#wire.uncork()
      })
    }
    this.socket.send(frame)
  }

  /** Ends the link over something that must not be. */
  fail(error: SluiceError): void {
    this.#reason ??= error
    this.socket.terminate()
    this.#report(error)
  }

  #beat(): void {
    if (!this.open) return
    if (!this.#answered) return this.fail(new SluiceError('CONNECTION_LOST', `${this.#what}: no sign of life`))
    this.#answered = false
    this.socket.ping()
  }

  #onClose(code: number, reason: string): void {
    clearInterval(this.#heartbeat)
    this.#gone.resolve()
    if (code === TOO_BIG)
      return this.#report(new SluiceError('TOO_LARGE', `${this.#what}: the broker takes no frame as large as that`))
    const told = reason === '' ? `code ${code}` : `${reason} (code ${code})`
    this.#report(
      this.#reason ?? new SluiceError(CODES[code] ?? 'CONNECTION_LOST', `${this.#what}: the connection ended, ${told}`),
    )
  }

  #report(error: SluiceError): void {
    if (this.#closing || this.#lost) return
    this.#lost = true
    clearInterval(this.#heartbeat)
    this.#listener.lost(error)
  }

  /**
   * Closes by handshake: when the broker has answered, it has read all that was sent before. Ends the socket when the
   * signal aborts first.
   */
  async close(signal: AbortSignal): Promise<void> {
    this.#closing = true
    clearInterval(this.#heartbeat)
    if (this.socket.readyState === this.socket.CLOSED) return
    this.socket.close(1000)
    await aborting(this.#gone.promise, signal).catch(() => {})
    this.socket.terminate()
  }
}
