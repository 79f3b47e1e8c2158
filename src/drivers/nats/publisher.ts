import { createInbox, type Msg, type Subscription } from 'nats'
import { asSluiceError, SluiceError } from '../../core/errors.ts'
import type { Batch } from '../../core/publish-batch.ts'
import { abortable } from '../../core/waiting.ts'
import { natsError } from './errors.ts'
import { decodeBlock } from './header-block.ts'
import type { LinkListener, OpenLink } from './link.ts'
import { type PublishAck, readAck } from './publish-ack.ts'
import { headersOf } from './publish-headers.ts'
import { rawMessage } from './raw-message.ts'
import type { Publication } from './target.ts'

/** A message that was sent and is not confirmed. */
export interface Pending {
  readonly publication: Publication
  readonly batch: Batch
  readonly index: number
  /** performance.now() when it was sent. */
  readonly at: number
}

/** Most messages and bytes unconfirmed at once: a stream takes no more than 10,000 and 128 MiB into its queue. */
const MOST_PENDING = 4_096
const MOST_BYTES = 32 * 2 ** 20
const LOOK_EVERY_MS = 250

export interface PublisherSettings {
  readonly timeoutMs: number
  /** The stream took it; `undefined` in the result: not decided yet, somebody else settles it. */
  acked(ack: PublishAck, pending: Pending): SluiceError | null | undefined
  /** Nobody listens on the subject. Likewise. */
  unheard(pending: Pending): SluiceError | undefined
}

/**
 * Publishes to streams over one connection, with one subject of its own for all their acks: a request per message would
 * cost six times as much. Over for good when the connection is.
 */
export class Publisher implements LinkListener {
  readonly #link: OpenLink
  readonly #settings: PublisherSettings
  readonly #inbox: string
  readonly #subscription: Subscription
  readonly #pending = new Map<number, Pending>()
  #bytes = 0
  #next = 0
  #failure: SluiceError | undefined
  #ticker: NodeJS.Timeout | undefined
  #room = Promise.withResolvers<void>()

  constructor(link: OpenLink, settings: PublisherSettings) {
    this.#link = link
    this.#settings = settings
    this.#inbox = `${createInbox(link.settings.inboxPrefix)}.`
    this.#subscription = link.nc.subscribe(`${this.#inbox}*`, {
      // The library stops reading for good when a callback throws.
      callback: (error, message) => {
        try {
          if (error !== null) this.#fail(natsError(error, 'waiting for the acks of a stream'))
          else this.#answered(message)
        } catch (thrown) {
          this.#fail(asSluiceError(thrown))
        }
      },
    })
    link.listen(this)
  }

  /** Why it is over, or undefined. */
  get failure(): SluiceError | undefined {
    return this.#failure
  }

  get hasRoom(): boolean {
    return this.#failure !== undefined || (this.#pending.size < MOST_PENDING && this.#bytes < MOST_BYTES)
  }

  /** Invariant 6: resolves when there is room for more; throws the signal's reason. */
  async room(signal: AbortSignal): Promise<void> {
    while (!this.hasRoom) await abortable(this.#room.promise, signal)
  }

  send(publication: Publication, batch: Batch, index: number): void {
    if (this.#failure !== undefined) return batch.settle(index, this.#failure)
    const { subject, block, body } = publication
    const id = this.#next++
    this.#pending.set(id, { publication, batch, index, at: performance.now() })
    this.#bytes += block.length + body.length
    this.#ticker ??= setInterval(() => this.#look(), LOOK_EVERY_MS)
    const headers = headersOf(block)
    const reply = this.#inbox + id
    this.#link.nc.publish(subject, body, headers === undefined ? { reply } : { reply, headers })
  }

  onLost(error: SluiceError): void {
    this.#fail(error)
  }

  onDenied(operation: string, subject: string, error: SluiceError): void {
    if (operation !== 'publish') return
    for (const [id, { publication }] of this.#pending) if (publication.subject === subject) this.#settle(id, error)
  }

  /** Nothing more is sent and nothing more awaited. */
  close(): void {
    this.#fail(new SluiceError('ABORTED', 'the sink is closed'))
    this.#link.unlisten(this)
    if (this.#link.lost === undefined) this.#subscription.unsubscribe()
  }

  #answered(message: Msg): void {
    const id = Number(message.subject.slice(this.#inbox.length))
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    const { block, body } = rawMessage(message)
    if (body.length === 0 && decodeBlock(block).status === 503) {
      const result = this.#settings.unheard(pending)
      this.#settle(id, result)
      return
    }
    const ack = readAck(body)
    this.#settle(id, ack instanceof SluiceError ? ack : this.#settings.acked(ack, pending))
  }

  #settle(id: number, result: SluiceError | null | undefined): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    this.#pending.delete(id)
    this.#bytes -= pending.publication.block.length + pending.publication.body.length
    if (result !== undefined) pending.batch.settle(pending.index, result)
    if (this.#pending.size === 0) this.#rest()
    if (this.hasRoom) {
      const { resolve } = this.#room
      this.#room = Promise.withResolvers()
      resolve()
    }
  }

  // The oldest are the first in the map.
  #look(): void {
    const late = performance.now() - this.#settings.timeoutMs
    for (const [id, { at }] of this.#pending) {
      if (at > late) return
      const { timeoutMs } = this.#settings
      this.#settle(id, new SluiceError('TIMED_OUT', `the stream did not confirm the message within ${timeoutMs} ms`))
    }
  }

  #rest(): void {
    clearInterval(this.#ticker)
    this.#ticker = undefined
  }

  #fail(error: SluiceError): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    for (const id of [...this.#pending.keys()]) this.#settle(id, error)
    this.#rest()
    this.#room.resolve()
  }
}
