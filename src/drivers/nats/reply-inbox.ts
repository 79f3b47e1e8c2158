import { SluiceError } from '../../core/errors.ts'
import type { Message } from '../../core/message.ts'
import { asking } from '../../core/reply-addressing.ts'
import type { Reply, ReplyInbox } from '../../core/reply-ports.ts'
import type { Link, LinkListener, OpenLink } from './link.ts'
import type { Mailbox } from './mailbox.ts'
import { isSubject } from './subject.ts'

/** One session of an inbox, which lasts as long as its connection. */
export class NatsInbox implements ReplyInbox, LinkListener {
  readonly #link: OpenLink
  readonly #mailbox: Mailbox
  readonly #leave: () => void
  #failure: SluiceError | undefined
  #wake: () => void = () => {}

  private constructor(link: OpenLink, mailbox: Mailbox, leave: () => void) {
    this.#link = link
    this.#mailbox = mailbox
    this.#leave = leave
    mailbox.notify(() => this.#wake())
  }

  /**
   * Throws what the link throws, and ACCESS_DENIED.
   * @param leave called when no other session is to be expected to go on with what was asked
   */
  static async open(link: Link, mailbox: Mailbox, leave: () => void, signal: AbortSignal): Promise<NatsInbox> {
    const open = await link.open(signal)
    const inbox = new NatsInbox(open, mailbox, leave)
    open.listen(inbox)
    try {
      mailbox.hear(open)
      // A subject that is not allowed is refused before this comes back.
      await open.flush(signal)
      if (mailbox.failure !== undefined) throw mailbox.failure
      return inbox
    } catch (error) {
      open.unlisten(inbox)
      throw error
    }
  }

  // The reply subject says which request it is: a responder need not echo the correlation id.
  ask(request: Message, correlation: string): Message {
    return asking(request, this.#mailbox.subjectOf(correlation), correlation)
  }

  async *receive(signal: AbortSignal): AsyncIterable<readonly Reply[]> {
    const onAbort = () => this.#wake()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      while (!signal.aborted) {
        const { promise, resolve } = Promise.withResolvers<void>()
        this.#wake = resolve
        const replies = this.#mailbox.take()
        if (replies.length > 0) yield replies
        else {
          const failure = (this.#failure ??= this.#mailbox.failure)
          if (failure !== undefined) throw failure
          await promise
        }
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  onLost(error: SluiceError): void {
    this.#failure ??= error
    this.#wake()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#link.unlisten(this)
    // After a loss the next session goes on with the same mailbox, which hears meanwhile.
    if (this.#failure === undefined) this.#leave()
  }
}

/** What stands before a correlation in reply subjects. Throws OPTIONS_INVALID. */
export function replyPrefix(address: string | undefined, inboxPrefix: string): string {
  const prefix = address ?? inboxPrefix
  if (!isSubject(`${prefix}.a`) || prefix.startsWith('$') || prefix.length > LONGEST)
    throw new SluiceError('OPTIONS_INVALID', `reply.address: "${prefix}" cannot be the beginning of reply subjects`, {
      hint: 'Tokens joined by dots, without blanks and wildcards, that do not begin with `$`, e.g. _INBOX_sluice.',
    })
  return `${prefix}.`
}

const LONGEST = 500
