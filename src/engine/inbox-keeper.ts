import { asSluiceError, SluiceError } from '../core/errors.ts'
import type { Message } from '../core/message.ts'
import type { Log } from '../core/ports.ts'
import type { Reply, ReplyInbox } from '../core/reply-ports.ts'
import { type BackoffOptions, backoffDelay, sleep } from './backoff.ts'
import { closeQuietly, owned } from './patience.ts'

export interface InboxKeeperOptions {
  readonly route: string
  /** Connection.inbox. */
  open(signal: AbortSignal): Promise<ReplyInbox>
  receive(reply: Reply): void
  readonly backoff: BackoffOptions
  /** The inbox is there (undefined), or is not. */
  status(error: SluiceError | undefined): void
  readonly log: Log
}

/** Longest wait for an inbox to open, in ms; it is tried again. */
const OPEN_WAIT = 60_000

/** Keeps an inbox open for as long as its signal lives: session after session, as sources have. */
export class InboxKeeper {
  readonly #options: InboxKeeperOptions
  readonly #opened = Promise.withResolvers<void>()
  #latest: ReplyInbox | undefined
  #here = false
  #running: Promise<void> | undefined

  constructor(options: InboxKeeperOptions) {
    this.#options = options
  }

  /** There is no session now: answers may get lost, so nothing more should be asked. */
  get away(): boolean {
    return !this.#here
  }

  /** Resolves when the first session is open. Never rejects. */
  begin(signal: AbortSignal): Promise<void> {
    this.#running ??= this.#run(signal)
    return this.#opened.promise
  }

  /** ReplyInbox.ask of the latest session. */
  ask(message: Message, correlation: string): Message {
    return this.#latest!.ask(message, correlation)
  }

  /** Resolves when the last session is closed, after the signal has aborted. */
  async ended(): Promise<void> {
    await this.#running
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { route, backoff, status, log } = this.#options
    for (let failures = 0; !signal.aborted; ) {
      let inbox: ReplyInbox | undefined
      try {
        inbox = this.#latest = await this.#open(signal)
        this.#here = true
        failures = 0
        status(undefined)
        this.#opened.resolve()
        for await (const replies of inbox.receive(signal)) for (const reply of replies) this.#options.receive(reply)
        if (!signal.aborted) throw new SluiceError('CHANNEL_LOST', 'the inbox ended by itself')
      } catch (error) {
        if (!signal.aborted) status(asSluiceError(error, 'CONNECTION_LOST'))
      }
      this.#here = false
      await closeQuietly(inbox, `the inbox of route ${route}`, log)
      if (!signal.aborted) await sleep(backoffDelay(backoff, ++failures), signal)
    }
  }

  #open(signal: AbortSignal): Promise<ReplyInbox> {
    const { open, route, log } = this.#options
    return owned(open(signal), { ms: OPEN_WAIT, signal, what: 'opening the inbox for replies' }, inbox =>
      closeQuietly(inbox, `an inbox of route ${route}`, log),
    )
  }
}
