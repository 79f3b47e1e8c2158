import { createInbox, type Msg, type Subscription } from 'nats'
import { asSluiceError, type SluiceError } from '../../core/errors.ts'
import type { Delivery, EndpointContext, Source } from '../../core/ports.ts'
import { pause } from '../../core/waiting.ts'
import { parseAck } from './ack-subject.ts'
import { Api } from './api.ts'
import { ackWaitOf, findConsumer } from './consumers.ts'
import { natsError } from './errors.ts'
import { Gathering } from './gathering.ts'
import { decodeBlock } from './header-block.ts'
import { giveBack, Held } from './held.ts'
import type { Link, LinkListener, OpenLink } from './link.ts'
import { type OpenedConsumer, openConsumer } from './open-consumer.ts'
import { StreamOrigin } from './origin.ts'
import { PullRequests } from './pull-requests.ts'
import { type RawMessage, rawMessage } from './raw-message.ts'
import type { SourceOptions } from './source-options.ts'
import { type Settler, StreamDelivery } from './stream-delivery.ts'
import type { StreamMemory } from './stream-memory.ts'
import { toMessage } from './wire-message.ts'
import { within } from './within.ts'

const CLOSE_MS = 3_000
/** Added to `ackWait`: the server's timer and ours do not tick together. */
const ACK_WAIT_SLACK_MS = 500
const LONGEST_TICK_MS = 1_000
/** What a message costs in memory beside its bytes. */
const OVERHEAD = 300

export interface StreamPlace {
  /** Name of the connection. */
  readonly connection: string
  readonly memory: StreamMemory
}

/** One session on one durable pull consumer: it ends for good when its connection, its consumer or the server is lost. */
export class StreamSource implements Source, Settler, LinkListener {
  readonly #link: OpenLink
  readonly #api: Api
  readonly #stream: string
  readonly #consumer: string
  readonly #ackWaitMs: number
  readonly #place: StreamPlace
  readonly #context: EndpointContext
  readonly #held: Held
  readonly #pulls: PullRequests
  readonly #inbox: string
  /** Messages that a session which is gone may hold, and which come again before anything newer. */
  #orphans: number
  #subscription: Subscription | undefined
  #ticker: NodeJS.Timeout | undefined
  #gathering: Gathering | undefined
  #ready: StreamDelivery[] = []
  #wake: () => void = () => {}
  #failure: SluiceError | undefined
  #stopped = false
  #over = false
  #draining: Promise<void> = Promise.resolve()
  #disposed: Promise<void> | undefined

  private constructor(
    link: OpenLink,
    stream: string,
    { info, known, orphans }: OpenedConsumer,
    place: StreamPlace,
    context: EndpointContext,
  ) {
    this.#link = link
    this.#api = new Api(link)
    this.#stream = stream
    this.#consumer = info.name
    this.#ackWaitMs = ackWaitOf(info)
    this.#orphans = orphans
    if (known + orphans > 0) this.#gathering = new Gathering(known + orphans)
    this.#place = place
    this.#context = context
    this.#held = new Held(link)
    this.#inbox = createInbox(link.settings.inboxPrefix)
    const request = this.#api.subject(`CONSUMER.MSG.NEXT.${this.#stream}.${this.#consumer}`)
    const { inFlight, inFlightBytes } = context
    const limits = { count: inFlight, bytes: inFlightBytes, batch: info.config.max_batch }
    this.#pulls = new PullRequests(limits, (id, body) => {
      if (link.lost === undefined) link.nc.publish(request, body, { reply: `${this.#inbox}.${id}` })
    })
  }

  /** Creates what is missing and may be created. Throws what the link, the stream and the consumer throw. */
  static async open(
    link: Link,
    options: SourceOptions,
    place: StreamPlace,
    context: EndpointContext,
    signal: AbortSignal,
  ): Promise<StreamSource> {
    const open = await link.open(signal)
    const opened = await openConsumer(open, options, place.memory, context, signal)
    const source = new StreamSource(open, options.stream!, opened, place, context)
    open.listen(source)
    return source
  }

  get alive(): boolean {
    return !this.#over
  }

  async *receive(signal: AbortSignal): AsyncIterable<readonly Delivery[]> {
    const stop = () => this.#stop()
    signal.addEventListener('abort', stop, { once: true })
    try {
      await this.#outwait(signal)
      if (!signal.aborted) this.#start()
      while (!signal.aborted) {
        if (this.#failure !== undefined) throw this.#failure
        const { promise, resolve } = Promise.withResolvers<void>()
        this.#wake = resolve
        if (this.#ready.length === 0) await promise
        else {
          const batch = this.#ready
          this.#ready = []
          yield batch
        }
        if (this.#stopped) return
      }
    } finally {
      signal.removeEventListener('abort', stop)
      stop()
    }
  }

  async lag(signal: AbortSignal): Promise<number | undefined> {
    const answer = await findConsumer(this.#api, this.#stream, this.#consumer, signal)
    if (!('found' in answer)) return undefined
    // Invariant 2: not what this session knows, for others may hold what lies in between.
    if (!this.#over) this.#place.memory.floor = answer.found.ack_floor.stream_seq
    return answer.found.num_pending + this.#orphans
  }

  ack(delivery: StreamDelivery): void {
    if (this.#over) return
    this.#held.ack(delivery)
    this.#ask()
  }

  release(delivery: StreamDelivery, delayMs: number): void {
    if (this.#over) return
    this.#held.release(delivery, delayMs)
    this.#ask()
  }

  onLost(error: SluiceError): void {
    this.#fail(error)
  }

  onDenied(_operation: string, subject: string, error: SluiceError): void {
    const mine = subject.includes(`.${this.#stream}.${this.#consumer}`) || subject.startsWith(this.#inbox)
    if (mine) this.#fail(error)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#disposed ??= this.#dispose())
  }

  async #dispose(): Promise<void> {
    this.#stop()
    await this.#draining
    if (!this.#over) {
      await this.#giveBack()
    }
    this.#link.unlisten(this)
  }

  async #giveBack(): Promise<void> {
    const signal = AbortSignal.timeout(CLOSE_MS)
    // The server forgets requests of readers who are gone when it is asked about the consumer: until then it would try to
    // hand them what is given back, and put that behind the others.
    if (this.#held.size > 0) await findConsumer(this.#api, this.#stream, this.#consumer, signal).catch(() => {})
    if (this.#over) return
    const replies = this.#held.replies()
    const taken = giveBack(this.#link, replies, signal)
    this.#end(replies)
    // The acks and what was given back have to be with the server before the next session begins.
    await taken.catch(() => {})
    await this.#link.flush(signal).catch(() => {})
  }

  // Invariant 4: nothing newer is asked for while what a lost session held is not deliverable again.
  async #outwait(signal: AbortSignal): Promise<void> {
    if (this.#orphans === 0) return
    const ms = this.#ackWaitMs + ACK_WAIT_SLACK_MS
    const seconds = Math.ceil(ms / 1000)
    this.#context.status(
      'waiting',
      `${this.#orphans} messages of a session that was lost come again within ${seconds} s; newer ones wait for them`,
    )
    const lost = new AbortController()
    this.#wake = () => lost.abort()
    await pause(ms, AbortSignal.any([signal, lost.signal]))
    this.#orphans = 0
    if (!signal.aborted && this.#failure === undefined) this.#context.status('ok')
  }

  #start(): void {
    if (this.#failure !== undefined) return
    this.#subscription = this.#link.nc.subscribe(`${this.#inbox}.*`, {
      // The library stops reading for good when a callback throws.
      callback: (error, message) => {
        try {
          this.#received(error, message)
        } catch (thrown) {
          this.#fail(asSluiceError(thrown))
        }
      },
    })
    const tick = Math.min(LONGEST_TICK_MS, this.#ackWaitMs / 8)
    this.#ticker = setInterval(() => this.#tick(), tick)
    this.#ask()
  }

  #tick(): void {
    this.#held.keep(this.#ackWaitMs / 4)
    if (this.#gathering !== undefined) this.#gathered(this.#gathering.look())
    const overdue = this.#stopped ? undefined : this.#pulls.overdue()
    if (overdue !== undefined) this.#fail(overdue)
  }

  #received(error: Error | null, message: Msg): void {
    if (this.#over) return
    if (error !== null) return this.#fail(natsError(error, `reading ${this.#stream}`))
    const raw = rawMessage(message)
    const { reply } = message
    const ack = reply === undefined || reply === '' ? undefined : parseAck(reply)
    if (ack === undefined) return this.#told(raw, message.subject)
    const size = raw.block.length + raw.body.length + OVERHEAD
    this.#pulls.arrived(size)
    const held = this.#held.get(ack.streamSequence)
    if (held !== undefined) {
      // Delivered again although it is held (an ask for more time was late or lost): still one duty, with a new address.
      held.reply = reply!
      held.touched = performance.now()
      return
    }
    const origin = new StreamOrigin(this.#place.connection, this.#stream, ack)
    const content = toMessage(raw, { subject: message.subject, reply: '', origin, time: ack.time })
    const delivery = new StreamDelivery(content, ack.streamSequence, size, reply!, this)
    this.#held.add(delivery)
    if (this.#stopped) return
    if (this.#gathering !== undefined)
      return this.#gathered(this.#gathering.add(delivery, this.#held.size < this.#context.inFlight))
    this.#ready.push(delivery)
    if (this.#ready.length === 1) this.#wake()
  }

  #gathered(deliveries: readonly StreamDelivery[] | undefined): void {
    if (deliveries === undefined) return
    this.#gathering = undefined
    this.#ready.push(...deliveries)
    this.#wake()
  }

  // A message of the server's own, about one of the requests.
  #told({ block }: RawMessage, subject: string): void {
    const end = this.#pulls.status(decodeBlock(block), Number(subject.slice(this.#inbox.length + 1)))
    if (end !== undefined) this.#fail(end)
    // What is too large for the room there is waits until something is settled, which asks again.
    else if (!this.#pulls.tooTight || this.#held.size === 0) this.#ask()
  }

  #ask(): void {
    if (!this.#stopped && this.#subscription !== undefined) this.#pulls.ask(this.#held.size, this.#held.bytes)
  }

  // No more is asked for. What is on its way meanwhile is held, so that it can be given back in its place.
  #stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    const subscription = this.#subscription
    if (subscription !== undefined && this.#link.lost === undefined)
      this.#draining = within(CLOSE_MS, subscription.drain())
    this.#wake()
  }

  #fail(error: SluiceError): void {
    if (this.#over) return
    this.#failure = error
    this.#end(this.#held.replies())
    this.#subscription?.unsubscribe()
    this.#wake()
  }

  #end(unsettled: readonly string[]): void {
    this.#over = true
    clearInterval(this.#ticker)
    this.#place.memory.unsettled = unsettled
  }
}
