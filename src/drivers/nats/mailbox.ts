import type { Msg, Subscription } from 'nats'
import { asSluiceError, SluiceError } from '../../core/errors.ts'
import type { Log } from '../../core/ports.ts'
import { answering } from '../../core/reply-addressing.ts'
import type { Reply } from '../../core/reply-ports.ts'
import { natsError } from './errors.ts'
import { decodeBlock } from './header-block.ts'
import type { Link, OpenLink } from './link.ts'
import { CoreOrigin } from './origin.ts'
import { type RawMessage, rawMessage } from './raw-message.ts'
import { toMessage } from './wire-message.ts'

/** What is kept until somebody takes it: answers are taken at once, except between two sessions. */
const MOST_WAITING = 10_000
const NO_RESPONDERS = 503

export interface MailboxSettings {
  /** Before the correlation, with a dot behind it. */
  readonly prefix: string
  /** Of its inboxes: correlations begin with it and a dot. */
  readonly name: string
  readonly connection: string
  /** Most bytes that wait. */
  readonly bytes: number
  readonly log: Log
}

/**
 * Hears the answers for all inboxes of a name, over the connection on which the requests are published: only there the
 * server says that nobody listens to one. Core NATS keeps no answer for later, so a new connection is listened to before
 * anything is published on it, and what comes then waits for the next inbox.
 */
export class Mailbox {
  readonly #settings: MailboxSettings
  readonly #unlink: () => void
  #link: OpenLink | undefined
  #subscription: Subscription | undefined
  #waiting: Reply[] = []
  #bytes = 0
  #count = 0
  #dropped = 0
  #failure: SluiceError | undefined
  #wake: () => void = () => {}

  constructor(link: Link, settings: MailboxSettings) {
    this.#settings = settings
    this.#unlink = link.eachOpening(open => this.hear(open))
  }

  /** Listens on a connection, if it does not yet. */
  hear(open: OpenLink): void {
    if (this.#link === open && this.#failure === undefined) return
    this.#link = open
    this.#failure = undefined
    const { prefix, name } = this.#settings
    this.#subscription = open.nc.subscribe(`${prefix}${name}.*`, {
      // The library stops reading for good when a callback throws.
      callback: (error, message) => {
        if (this.#link !== open) return
        try {
          if (error !== null) this.#fail(natsError(error, `subscribing to ${prefix}${name}.*`))
          else this.#received(message)
        } catch (thrown) {
          this.#fail(asSluiceError(thrown))
        }
      },
    })
  }

  /** Where the answer to the request with this correlation is heard. */
  subjectOf(correlation: string): string {
    return this.#settings.prefix + correlation
  }

  /** Why nothing is heard, or undefined. */
  get failure(): SluiceError | undefined {
    return this.#failure
  }

  /** What has come since the last call. */
  take(): readonly Reply[] {
    const replies = this.#waiting
    this.#waiting = []
    this.#bytes = 0
    this.#dropped = 0
    return replies
  }

  /** Calls it when an answer comes, or none can; one at a time. */
  notify(wake: () => void): void {
    this.#wake = wake
  }

  /** Nobody asks any more. */
  close(): void {
    this.#unlink()
    if (this.#link?.lost === undefined) this.#subscription?.unsubscribe()
    this.#link = undefined
  }

  #received(message: Msg): void {
    const { prefix, bytes, log, name } = this.#settings
    const raw = rawMessage(message)
    // Invariant 6: what waits has a bound. The requester gets a time-out.
    const size = raw.block.length + raw.body.length
    if (this.#waiting.length >= MOST_WAITING || this.#bytes + size > bytes) {
      if (this.#dropped++ === 0) log.warn({ inbox: name }, 'answers on NATS were lost: more came than are kept')
      return
    }
    this.#bytes += size
    this.#waiting.push(this.#read(message, raw, message.subject.slice(prefix.length)))
    this.#wake()
  }

  #read({ subject }: Msg, raw: RawMessage, correlation: string): Reply {
    const { connection, prefix, name } = this.#settings
    const origin = new CoreOrigin(connection, subject, `${prefix}${name}`, ++this.#count, 1)
    const message = toMessage(raw, { subject, reply: '', origin, time: Date.now() })
    return { correlation, message: answering(message, undefined), error: errorOf(raw) }
  }

  #fail(error: SluiceError): void {
    this.#failure ??= error
    this.#wake()
  }
}

function errorOf({ block, body }: RawMessage): SluiceError | undefined {
  try {
    const { status } = decodeBlock(block)
    if (status !== NO_RESPONDERS || body.length > 0) return undefined
    return new SluiceError('NO_RESPONDER', 'nobody listens on the subject that the request was sent to')
  } catch (error) {
    return asSluiceError(error, 'HEADERS_INVALID')
  }
}
