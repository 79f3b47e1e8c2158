import { randomUUID } from 'node:crypto'
import type { RouteConfig } from '../config/schema.ts'
import { asSluiceError, SluiceError } from '../core/errors.ts'
import type { Message } from '../core/message.ts'
import type { Connection, EndpointContext, Log } from '../core/ports.ts'
import type { Answerer } from '../core/reply-ports.ts'
import { milliseconds } from '../core/schema.ts'
import { Answers } from './answers.ts'
import { backoffDelay, sleep } from './backoff.ts'
import type { Conditions, Endpoint } from './conditions.ts'
import type { Connections } from './connections.ts'
import { InboxKeeper } from './inbox-keeper.ts'
import type { Item } from './item.ts'
import { probeBackoff } from './outlet.ts'
import { closeQuietly, within } from './patience.ts'
import type { RequestMetrics } from './request-metrics.ts'
import { Requests } from './requests.ts'

export interface RequestReplyParts {
  readonly route: RouteConfig
  readonly connections: Connections
  readonly conditions: Conditions
  readonly context: (part: Endpoint) => EndpointContext
  readonly metrics: RequestMetrics
  readonly log: Log
  /** Answers can, or cannot, be had or be brought: the route may go on, or has to wait. */
  readonly moved: () => void
  /** Requests timed out, and some of them may still wait to be sent. */
  readonly timedOut: () => void
  /** Gives back what was taken, in reverse order. */
  readonly stack: AsyncDisposableStack
  /** Ends everything. */
  readonly signal: AbortSignal
}

/** Longest wait for an answerer to open, in ms; it is tried again. */
const OPEN_WAIT = 60_000

/** A route's way back: an inbox at its target for answers, and an answerer at its source that brings them home. */
export class RequestReply implements AsyncDisposable {
  readonly requests: Requests
  readonly #parts: RequestReplyParts
  readonly #answers: Answers
  readonly #inbox: InboxKeeper
  readonly #source: Connection
  #answerer: Answerer | undefined

  /** Does no I/O. The route has `reply`, and the drivers of its ends can do it. */
  constructor(parts: RequestReplyParts) {
    const { route, conditions, log, signal } = parts
    this.#parts = parts
    const timeoutMs = milliseconds(route.reply!.timeout)
    const instance = `sluice-${randomUUID().slice(0, 13)}`
    const backoff = probeBackoff(route)
    const tell = (part: 'replies' | 'answers') => (error: SluiceError | undefined) => {
      if (error === undefined) conditions.clear(part)
      else conditions.raise(part, error)
      parts.moved()
    }
    this.#source = this.#connection(route.from.connection)
    const target = this.#connection(route.to.connection)
    const inbox = { name: instance, address: route.reply!.address, sink: route.to.options, timeoutMs }
    this.#inbox = new InboxKeeper({
      route: route.name,
      open: abort => target.inbox!(inbox, quiet(parts.context('target')), abort),
      receive: reply => this.requests.receive(reply),
      backoff,
      status: tell('replies'),
      log,
    })
    const answer: Answerer['answer'] = (answers, abort) => this.#answerer!.answer(answers, abort)
    this.#answers = new Answers({ answer, backoff, patienceMs: timeoutMs, status: tell('answers') }, signal)
    this.requests = new Requests({
      route: route.name,
      instance,
      timeoutMs,
      expects: message => this.#answerer!.expects(message),
      ask: (message, correlation) => this.#inbox.ask(message, correlation),
      send: (reply, expired, done) => this.#answers.send(reply, expired, done),
      metrics: parts.metrics,
      timedOut: parts.timedOut,
    })
  }

  /** No answers can be had, or none be brought: nothing more should be received. */
  get closed(): boolean {
    return this.#inbox.away || this.#answers.failing > 0
  }

  /** Pipeline's `mark`. */
  readonly mark = (message: Message, item: Item): Message => this.requests.ask(message, item)

  /** Resolves when both ends of the way back are open, or the signal aborts; says meanwhile what stands in the way. */
  async begin(stop: AbortSignal): Promise<void> {
    const { signal } = this.#parts
    const either = AbortSignal.any([stop, signal])
    await this.#open(either)
    const { promise, resolve } = Promise.withResolvers<void>()
    either.addEventListener('abort', () => resolve(), { once: true })
    if (!either.aborted) await Promise.race([this.#inbox.begin(signal), promise])
  }

  async #open(signal: AbortSignal): Promise<void> {
    const { route, conditions, context, log } = this.#parts
    for (let failures = 1; this.#answerer === undefined && !signal.aborted; failures++) {
      let abandoned = false
      try {
        const opening = this.#source.answerer!(quiet(context('source')), signal)
        // One that opens after all has no owner.
        opening.then(
          answerer => {
            if (abandoned) void closeQuietly(answerer, `an answerer of route ${route.name}`, log)
          },
          () => {},
        )
        this.#answerer = await within(opening, { ms: OPEN_WAIT, signal, what: 'opening the way back to requesters' })
        conditions.clear('answers')
      } catch (error) {
        abandoned = true
        const reason = asSluiceError(error, 'UNAVAILABLE')
        if (reason.code !== 'ABORTED') conditions.raise('answers', reason)
        await sleep(backoffDelay(probeBackoff(route), failures), signal)
      }
    }
  }

  #connection(name: string): Connection {
    const { connections, route, log, stack } = this.#parts
    const lease = connections.use(name)
    stack.defer(() => closeQuietly(lease, `connection ${name} of route ${route.name}`, log))
    if (lease.connection.inbox === undefined || lease.connection.answerer === undefined)
      throw new SluiceError('NOT_SUPPORTED', `the driver of connection "${name}" cannot bridge requests and replies`)
    return lease.connection
  }

  /** Call after the signal has aborted. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { route, log } = this.#parts
    this.requests.close()
    await this.#inbox.ended()
    await closeQuietly(this.#answerer, `the answerer of route ${route.name}`, log)
  }
}

// What the ends of the way back say of themselves must not overwrite what source and target say.
function quiet(context: EndpointContext): EndpointContext {
  return { ...context, status: () => {} }
}
