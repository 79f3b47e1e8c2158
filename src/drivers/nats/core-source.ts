import type { Msg, Subscription } from 'nats'
import { asSluiceError, type SluiceError } from '../../core/errors.ts'
import type { Delivery, EndpointContext, Source } from '../../core/ports.ts'
import { CoreDelivery, type CoreSettler } from './core-delivery.ts'
import { natsError } from './errors.ts'
import type { Link, LinkListener, OpenLink } from './link.ts'
import { CoreOrigin } from './origin.ts'
import { rawMessage } from './raw-message.ts'
import type { SourceOptions } from './source-options.ts'
import { toMessage } from './wire-message.ts'
import { within } from './within.ts'

const CLOSE_MS = 3_000
const DRAIN_MS = 500
const PENDING = 10_000
/** Between two reports of messages that are lost. */
const REPORT_MS = 1_000
/** What a message costs in memory beside its bytes. */
const OVERHEAD = 300

/**
 * A subscription of core NATS, which delivers once and asks nobody whether it arrived. What is settled here is settled for
 * this process only; what it holds when it ends is gone, and is reported.
 */
export class CoreSource implements Source, CoreSettler, LinkListener {
  readonly #link: OpenLink
  readonly #options: SourceOptions
  readonly #connection: string
  readonly #context: EndpointContext
  /** Arrived, and not handed out yet. */
  #ready: CoreDelivery[] = []
  #readyBytes = 0
  readonly #out = new Set<CoreDelivery>()
  readonly #timers = new Map<NodeJS.Timeout, CoreDelivery>()
  #subscription: Subscription | undefined
  #count = 0
  #lost = 0
  #reported = 0
  #reportedAt = 0
  #reporter: NodeJS.Timeout | undefined
  #wake: () => void = () => {}
  #failure: SluiceError | undefined
  #stopped = false
  #draining: Promise<void> = Promise.resolve()
  #over = false

  constructor(link: OpenLink, options: SourceOptions, connection: string, context: EndpointContext) {
    this.#link = link
    this.#options = options
    this.#connection = connection
    this.#context = context
  }

  /** Throws what the link throws, and ACCESS_DENIED. */
  static async open(
    link: Link,
    options: SourceOptions,
    connection: string,
    context: EndpointContext,
    signal: AbortSignal,
  ): Promise<CoreSource> {
    const open = await link.open(signal)
    const source = new CoreSource(open, options, connection, context)
    open.listen(source)
    source.#subscribe()
    try {
      // A subject that is not allowed is refused before this comes back.
      await open.flush(signal)
    } catch (error) {
      await source[Symbol.asyncDispose]()
      throw error
    }
    if (source.#failure !== undefined) throw source.#failure
    return source
  }

  get alive(): boolean {
    return !this.#over
  }

  async *receive(signal: AbortSignal): AsyncIterable<readonly Delivery[]> {
    const stop = () => this.#stop()
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    try {
      while (!this.#stopped) {
        if (this.#failure !== undefined) throw this.#failure
        const { promise, resolve } = Promise.withResolvers<void>()
        this.#wake = resolve
        const batch = this.#take()
        if (batch.length === 0) await promise
        else yield batch
      }
      // The server sends nothing more once it has heard; what it had sent is handed out as far as there is room.
      await this.#draining
      const rest = this.#over ? [] : this.#take()
      if (rest.length > 0) yield rest
    } finally {
      signal.removeEventListener('abort', stop)
      stop()
    }
  }

  settled(delivery: CoreDelivery): void {
    this.#out.delete(delivery)
    this.#room()
  }

  again(delivery: CoreDelivery, delayMs: number): void {
    this.#out.delete(delivery)
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      if (!this.#over) this.#arrive(delivery.next())
    }, delayMs)
    this.#timers.set(timer, delivery)
    this.#room()
  }

  onLost(error: SluiceError): void {
    this.#fail(error)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop()
    await this.#draining
    const held = this.#out.size + this.#ready.length + this.#timers.size
    this.#reportedAt = 0
    this.#report()
    this.#end()
    this.#link.unlisten(this)
    // Invariant 8: core NATS will not deliver them again.
    if (held > 0) {
      this.#context.log.warn({ subject: this.#options.subject, messages: held }, 'messages of core NATS were given up')
    }
  }

  #subscribe(): void {
    const { subject, queue } = this.#options
    this.#subscription = this.#link.nc.subscribe(subject!, {
      ...(queue === undefined ? {} : { queue }),
      // The library stops reading for good when a callback throws.
      callback: (error, message) => {
        try {
          this.#received(error, message)
        } catch (thrown) {
          this.#fail(asSluiceError(thrown))
        }
      },
    })
  }

  #received(error: Error | null, message: Msg): void {
    if (this.#over) return
    if (error !== null) return this.#fail(natsError(error, `subscribing to ${this.#options.subject}`))
    this.#count++
    const raw = rawMessage(message)
    const size = raw.block.length + raw.body.length + OVERHEAD
    if (this.#isFull(size)) return this.#drop()
    const { subject } = message
    const name = this.#options.subject!
    const origin = new CoreOrigin(this.#connection, subject, name, this.#count, 1)
    const receipt = { subject, reply: message.reply ?? '', origin, time: Date.now() }
    this.#arrive(new CoreDelivery(toMessage(raw, receipt), size, this))
    if (this.#options.queue !== undefined && this.#isCrowded()) this.#leaveGroup()
  }

  #arrive(delivery: CoreDelivery): void {
    this.#ready.push(delivery)
    this.#readyBytes += delivery.size
    this.#wake()
  }

  // Invariant 6: never more than `inFlight` are out, and what waits has a bound.
  #take(): readonly CoreDelivery[] {
    const room = this.#context.inFlight - this.#out.size
    if (room <= 0 || this.#ready.length === 0) return []
    const batch = this.#ready.splice(0, room)
    for (const delivery of batch) {
      this.#out.add(delivery)
      this.#readyBytes -= delivery.size
    }
    return batch
  }

  #waiting(): number {
    return this.#out.size + this.#ready.length
  }

  #isFull(size: number): boolean {
    const { inFlight, inFlightBytes } = this.#context
    const most = inFlight + (this.#options.pending ?? PENDING)
    return this.#waiting() >= most || this.#readyBytes + size > inFlightBytes
  }

  // Half of the room is kept for what the server has sent before it hears.
  #isCrowded(): boolean {
    const { inFlight, inFlightBytes } = this.#context
    return this.#waiting() >= inFlight + (this.#options.pending ?? PENDING) / 2 || this.#readyBytes > inFlightBytes / 2
  }

  // A slow target: the other members of the group get what comes while there is no room here. What was under way already is
  // lost like any message too many; so is everything, where there are no others.
  #leaveGroup(): void {
    // Drained, not cut: what the server has sent meanwhile still arrives.
    if (this.#subscription !== undefined) void within(CLOSE_MS, this.#subscription.drain())
    this.#subscription = undefined
    const { subject, queue } = this.#options
    const why =
      'the target is slow: the queue group has to do without this gateway, and loses messages if it has no others'
    this.#context.log.warn({ subject, queue }, why)
    this.#context.status('blocked', why)
  }

  #room(): void {
    if (this.#over) return
    if (this.#subscription === undefined && !this.#stopped && this.#waiting() <= this.#context.inFlight / 2) {
      this.#subscribe()
      this.#context.status('ok')
    }
    if (this.#ready.length > 0) this.#wake()
  }

  // Invariant 8: nothing is dropped in silence.
  #drop(): void {
    this.#lost++
    this.#report()
  }

  #report(): void {
    const now = performance.now()
    const rest = this.#reportedAt === 0 ? 0 : REPORT_MS - (now - this.#reportedAt)
    if (rest > 0) {
      this.#reporter ??= setTimeout(() => {
        this.#reporter = undefined
        this.#report()
      }, rest)
      return
    }
    clearTimeout(this.#reporter)
    this.#reporter = undefined
    if (this.#lost === this.#reported) return
    this.#reportedAt = now
    const messages = this.#lost - this.#reported
    this.#reported = this.#lost
    this.#context.log.warn(
      { subject: this.#options.subject, messages, total: this.#lost },
      'messages of core NATS were lost: the target is too slow for them',
    )
    this.#context.status('blocked', `the target is slow, and ${this.#lost} messages of core NATS were lost`)
  }

  #stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    if (this.#subscription !== undefined && this.#link.lost === undefined && !this.#over)
      this.#draining = within(DRAIN_MS, this.#subscription.drain())
    this.#wake()
  }

  #fail(error: SluiceError): void {
    if (this.#over || this.#failure !== undefined) return
    this.#failure = error
    this.#wake()
  }

  #end(): void {
    this.#over = true
    for (const timer of this.#timers.keys()) clearTimeout(timer)
    this.#timers.clear()
    clearTimeout(this.#reporter)
    if (this.#link.lost === undefined) void within(CLOSE_MS, Promise.resolve(this.#subscription?.unsubscribe()))
  }
}
