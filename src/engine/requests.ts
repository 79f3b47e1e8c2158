import { asSluiceError, SluiceError } from '../core/errors.ts'
import { DEDUP_HEADER, HOPS_HEADER, type Message } from '../core/message.ts'
import type { Answer, Reply } from '../core/reply-ports.ts'
import type { Sent } from './answers.ts'
import { errorReply } from './error-reply.ts'
import type { Item, Request } from './item.ts'
import type { RequestMetrics } from './request-metrics.ts'

/** What the table tells the end of the line. */
export interface RequestOwner {
  /** The requester has been told, or cannot be: settle the item. `error` = it got no answer of a responder. */
  answered(item: Item, error: SluiceError | undefined): void
  /** The delivery has expired: the request comes again. */
  drop(item: Item): void
}

export interface RequestsOptions {
  readonly route: string
  /** Of this line in this process: correlations begin with it and a dot. */
  readonly instance: string
  /** From the receipt of a request to its answer, in ms. */
  readonly timeoutMs: number
  /** Answerer.expects. */
  expects(message: Message): boolean
  /** ReplyInbox.ask. */
  ask(message: Message, correlation: string): Message
  /** Answers.send. */
  send(answer: Answer, expired: () => boolean, done: (sent: Sent) => void): void
  readonly metrics: RequestMetrics
  /** Requests timed out, and some of them may still wait to be sent. */
  timedOut(): void
}

/**
 * The requests of a route: each is answered once, with what the responder says, or with an error when it says nothing in
 * time or the request cannot go on. Invariant 6: a request is on the line until it is settled, so `inFlight` bounds the table.
 * Invariant 1, for requests: the source is acked only after the answer is confirmed, or nobody can get it any more.
 */
export class Requests {
  readonly #options: RequestsOptions
  /** Not answered yet, the oldest first: all have the same time-out. */
  readonly #open = new Set<Request>()
  /** Those that were sent, by correlation. */
  readonly #asked = new Map<string, Request>()
  #owner: RequestOwner | undefined
  #count = 0
  #timer: NodeJS.Timeout | undefined

  constructor(options: RequestsOptions) {
    this.#options = options
  }

  /** Sent, and neither answered nor given up. */
  get pending(): number {
    return this.#asked.size
  }

  attach(owner: RequestOwner): void {
    this.#owner = owner
  }

  /** Items were received: from now on the time of those that ask for an answer runs. */
  begin(items: readonly Item[]): void {
    const { timeoutMs, metrics } = this.#options
    for (const item of items) {
      if (!this.#expects(item.message)) {
        metrics.ended('one-way')
        continue
      }
      item.request = { item, due: item.receivedAt + timeoutMs, correlation: undefined, askedAt: 0 }
      this.#open.add(item.request)
    }
    this.#watch()
  }

  // Headers that cannot be read ask for nothing; the line will say what is wrong with them.
  #expects(message: Message): boolean {
    try {
      return this.#options.expects(message)
    } catch {
      return false
    }
  }

  /** A copy of an output that asks for the answer. Of several outputs the first answer counts. */
  ask(message: Message, { request }: Item): Message {
    if (request === undefined || !this.#open.has(request)) return message
    if (request.correlation === undefined) {
      request.correlation = `${this.#options.instance}.${(this.#count++).toString(36)}`
      request.askedAt = performance.now()
      this.#asked.set(request.correlation, request)
    }
    return this.#options.ask(message, request.correlation)
  }

  /** An answer has arrived. Late ones are dropped and counted; those for other gateways are none of our business. */
  receive({ correlation, message, error }: Reply): void {
    const { instance, metrics } = this.#options
    const request = this.#asked.get(correlation)
    if (request === undefined) {
      if (correlation.startsWith(`${instance}.`)) metrics.late()
      return
    }
    if (error !== undefined) return this.#fail(request, error)
    metrics.replied((performance.now() - request.askedAt) / 1000)
    try {
      const headers = message.headers.without(name => name === HOPS_HEADER || name === DEDUP_HEADER)
      this.#answer(request, message.with({ headers }), undefined)
    } catch (unreadable) {
      // One answer that cannot be read must not cost the inbox, and with it all the others.
      this.#fail(request, asSluiceError(unreadable, 'HEADERS_INVALID'))
    }
  }

  /**
   * Nothing of the item is left to publish. True = it is a request: it is settled when it has been answered.
   */
  published(item: Item): boolean {
    const { request } = item
    if (request === undefined) return false
    if (item.outcome === 'filtered' && this.#open.has(request))
      this.#fail(request, new SluiceError('REQUEST_FILTERED', 'a transform of the route dropped the request'))
    return true
  }

  /** The item cannot go on. True = it is a request: the requester is told first. */
  refuse({ request }: Item, reason: SluiceError): boolean {
    if (request === undefined) return false
    if (this.#open.has(request)) this.#fail(request, reason)
    return true
  }

  /** The item has left the line otherwise. */
  forget({ request }: Item): void {
    if (request !== undefined) this.#close(request)
  }

  /** The source's session is over: requests whose deliveries have expired come again, and are answered then. */
  sweep(): void {
    for (const request of [...this.#open]) if (request.item.delivery.expired) this.#owner!.drop(request.item)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#open.clear()
    this.#asked.clear()
  }

  #fail(request: Request, error: SluiceError): void {
    this.#answer(request, errorReply(request.item.message, error, this.#options.route), error)
  }

  #answer(request: Request, reply: Message, error: SluiceError | undefined): void {
    this.#close(request)
    const { item } = request
    const answer = { request: item.message, reply, error }
    this.#options.send(
      answer,
      () => item.delivery.expired,
      sent => {
        if (sent === 'expired') return this.#owner!.drop(item)
        // An answer that the requester's broker does not take must not become silence.
        if (sent !== null && sent.code !== 'REQUESTER_GONE' && sent.fate === 'poison' && error === undefined)
          return this.#fail(request, sent)
        this.#tally(sent, error)
        this.#owner!.answered(item, error)
      },
    )
  }

  #tally(sent: SluiceError | null, error: SluiceError | undefined): void {
    const { metrics } = this.#options
    if (sent !== null) metrics.ended('unanswered')
    else if (error === undefined) metrics.ended('answered')
    else metrics.ended(error.code === 'REPLY_TIMED_OUT' ? 'timed-out' : 'failed')
  }

  #close(request: Request): void {
    this.#open.delete(request)
    if (request.correlation !== undefined) this.#asked.delete(request.correlation)
    if (this.#open.size === 0) this.#watch()
  }

  #watch(): void {
    const [first] = this.#open
    if (first === undefined) {
      clearTimeout(this.#timer)
      this.#timer = undefined
    } else this.#timer ??= setTimeout(() => this.#expire(), Math.max(1, first.due - performance.now()))
  }

  #expire(): void {
    this.#timer = undefined
    const now = performance.now()
    const { timeoutMs } = this.#options
    let expired = false
    for (const request of this.#open) {
      if (request.due > now) break
      expired = true
      const sent = request.correlation === undefined ? 'the request could not be sent' : 'nobody answered'
      this.#fail(request, new SluiceError('REPLY_TIMED_OUT', `${sent} within ${timeoutMs} ms`))
    }
    if (expired) this.#options.timedOut()
    this.#watch()
  }
}
