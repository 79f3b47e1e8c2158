import type { Message as AmqpMessage, Channel } from 'amqplib'
import { SluiceError } from '../../core/errors.ts'
import type { EndpointContext } from '../../core/ports.ts'
import { aborting } from '../../core/waiting.ts'
import { Acks, type AckWriter } from './acks.ts'
import type { Caution } from './caution.ts'
import { type Content, type ContentListener, ContentReader } from './content-reader.ts'
import { RabbitDelivery, type Settler, toMessage } from './delivery.ts'
import { translate } from './errors.ts'
import type { OpenLink } from './link.ts'
import { type AgeWatcher, OldestAge } from './oldest-age.ts'
import type { Place, RabbitOrigin } from './origin.ts'
import type { Prefetch } from './prefetch.ts'
import type { StreamPosition } from './stream-position.ts'
import { Timers } from './timers.ts'
import { Window } from './window.ts'

/** Pause before a message that has been given back before is given back again: never a hot loop. */
const AGAIN_MS = 100
const CLOSE_MS = 3_000

export interface ConsumerSettings {
  readonly place: Place
  readonly prefetch: Prefetch
  readonly caution: Caution
  /** Consumer tag, which the broker's tools show. */
  readonly tag: string
  readonly priority: number | undefined
  /** One consumer of the queue gets everything, and it need not be this one. */
  readonly single: boolean
  /** Where to go on, when the queue is a stream. */
  readonly position: StreamPosition | undefined
  /** The broker's `consumer_timeout` in milliseconds; 0 = none. */
  readonly timeoutMs: number
  status: EndpointContext['status']
}

/** One channel that consumes one queue: the generation that fences its deliveries. */
export class Consumer implements ContentListener, Settler, AckWriter, AgeWatcher {
  readonly #link: OpenLink
  readonly #channel: Channel
  readonly #settings: ConsumerSettings
  readonly #acks: Acks
  readonly #detach: () => void
  readonly #releases = new Timers()
  readonly #window: Window
  #ready: RabbitDelivery[] = []
  #wake: (() => void) | undefined
  #alive = true
  #failure: SluiceError | undefined
  #reason: unknown
  #renewal = false
  #stopping = false
  #lastTag = 0
  #age: OldestAge | undefined
  #closing: Promise<void> | undefined

  /** Opens a channel for it; it receives nothing before `start`. Throws CHANNEL_LOST, CONNECTION_LOST. */
  static async open(link: OpenLink, settings: ConsumerSettings, signal: AbortSignal): Promise<Consumer> {
    try {
      return new Consumer(link, await aborting(link.model.createChannel(), signal), settings)
    } catch (error) {
      throw link.lost ?? translate(error, `channel for ${settings.place.queue}`, 'CHANNEL_LOST')
    }
  }

  private constructor(link: OpenLink, channel: Channel, settings: ConsumerSettings) {
    this.#link = link
    this.#channel = channel
    this.#settings = settings
    this.#acks = new Acks(this, () => settings.prefetch.current)
    this.#window = new Window(settings.prefetch, this.#acks, settings.caution, () => this.#renew())
    const number = (channel as unknown as { ch: number }).ch
    const reader = new ContentReader(this)
    link.wire.attach(number, reader)
    this.#detach = () => link.wire.detach(number, reader)
    channel.on('error', error => {
      this.#reason ??= error
    })
    channel.on('close', () => this.#closed())
  }

  get alive(): boolean {
    return this.#alive
  }

  async start(): Promise<void> {
    const { place, prefetch, tag, priority, position, timeoutMs } = this.#settings
    try {
      await this.#channel.prefetch(prefetch.current)
      await this.#channel.consume(place.queue, message => message === null && this.#cancelled(), {
        consumerTag: tag,
        priority,
        arguments: position === undefined ? {} : { 'x-stream-offset': position.start },
      })
      if (timeoutMs > 0 && this.#alive) this.#age ??= new OldestAge(timeoutMs, this)
    } catch (error) {
      throw this.#why(error)
    }
  }

  onDeliver(content: Content, tag: number, redelivered: boolean): void {
    // What comes after the end goes back when the channel is closed.
    if (!this.#alive || this.#renewal) return
    this.#lastTag = tag
    this.#acks.open(tag)
    const { place, position } = this.#settings
    const message = toMessage(content, place, tag, redelivered, Date.now())
    position?.delivered(tag, (message.source as RabbitOrigin).offset, this.#acks.mark)
    if (this.#stopping) return
    this.#push(new RabbitDelivery(message, tag, redelivered, this))
    this.#window.add(message.size, message.source.attempt)
  }

  #push(delivery: RabbitDelivery): void {
    this.#ready.push(delivery)
    this.#wake?.()
  }

  /**
   * What has arrived since the last call, at least one; undefined after `stop`, and when another consumer with another
   * prefetch has to take over (see `renewal`). Throws why the session ended.
   */
  async next(): Promise<RabbitDelivery[] | undefined> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure
      if (this.#stopping || this.#renewal) return undefined
      if (this.#ready.length > 0) break
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      await promise
      this.#wake = undefined
    }
    const batch = this.#ready
    this.#ready = []
    let bytes = 0
    for (const { message } of batch) bytes += message.size
    this.#window.observe(batch.length, bytes)
    return batch
  }

  /** True when another consumer is to take over. */
  get renewal(): boolean {
    return this.#renewal && !this.#stopping
  }

  #renew(): void {
    this.#renewal = true
    this.#ready = []
    this.#wake?.()
  }

  ack({ tag, message }: RabbitDelivery): void {
    if (!this.#alive) return
    this.#window.remove(message.size)
    this.#acks.ack(tag)
  }

  sendAck(tag: number, allUpTo: boolean): void {
    this.#send(channel => channel.ack(asMessage(tag), allUpTo))
  }

  // A connection that is closing refuses to send before its channels say that they are closed.
  #send(frame: (channel: Channel) => void): void {
    try {
      frame(this.#channel)
    } catch (error) {
      this.#fail(this.#why(error))
    }
  }

  release(delivery: RabbitDelivery, delayMs: number): void {
    // After `stop` it goes back with all the others, in order.
    if (!this.#alive || this.#stopping) return
    const wait = delivery.redelivered ? Math.max(delayMs, AGAIN_MS) : delayMs
    if (wait <= 0) this.#again(delivery)
    else this.#releases.after(wait, () => this.#again(delivery))
  }

  #again({ message, tag }: RabbitDelivery): void {
    // A stream knows no requeue (nack counts as done), so the message comes again from here.
    if (this.#settings.place.stream) return this.#push(new RabbitDelivery(message, tag, true, this))
    this.#window.remove(message.size)
    // nack, never reject: from RabbitMQ 4.3 on only reject counts towards the delivery limit of a quorum queue.
    this.#send(channel => channel.nack(asMessage(tag), false, true))
    this.#acks.settledElsewhere(tag)
  }

  /** No more deliveries; what was handed out can still be settled. Idempotent. */
  stop(): void {
    if (this.#stopping) return
    this.#stopping = true
    this.#ready = []
    this.#releases.clear()
    this.#wake?.()
    // Neither cancelled nor given back: see `close`.
  }

  /**
   * Sends pending acks and closes the channel, which gives back the rest. Only so a queue gets it back in its order, measured
   * on 4.0 and 3.10: behind a cancel or a nack of all, a quorum queue delivers later messages first, and a stand-by of a
   * single active consumer begins before it. True when the broker has confirmed that the channel is closed.
   */
  async close(signal: AbortSignal): Promise<boolean> {
    this.stop()
    if (this.#alive) {
      this.#acks.flush(true)
      this.#end()
    }
    return this.#closeChannel(signal)
  }

  // True when the broker has confirmed it.
  async #closeChannel(signal: AbortSignal): Promise<boolean> {
    this.#closing ??= this.#channel.close()
    try {
      await aborting(this.#closing, signal)
      return true
    } catch {
      return false
    }
  }

  lastTag(): number {
    return this.#lastTag
  }

  oldest(): number | undefined {
    return this.#acks.oldest
  }

  onOld(ageMs: number): void {
    this.#settings.status('waiting', `a message of ${this.#settings.place.queue} has been held for ${minutes(ageMs)}`)
  }

  onYoung(): void {
    this.#settings.status('ok')
  }

  // Giving back the old message alone would let later ones of its key overtake it; so everything goes back, in its order.
  onTooOld(ageMs: number): void {
    const { place, timeoutMs } = this.#settings
    const why = `a message of ${place.queue} was held for ${minutes(ageMs)}, the broker's limit is ${minutes(timeoutMs)}`
    this.#acks.flush(true)
    this.#fail(new SluiceError('CHANNEL_LOST', `${why}: what was held has been given back`))
    void this.#closeChannel(AbortSignal.timeout(CLOSE_MS))
  }

  // Ends the session with a reason that `next` throws.
  #fail(error: SluiceError): void {
    this.#failure ??= error
    this.#end()
    this.#wake?.()
  }

  #cancelled(): void {
    this.#acks.flush(true)
    const { queue } = this.#settings.place
    this.#fail(
      new SluiceError('CHANNEL_LOST', `the broker cancelled the consumer of ${queue}: the queue was deleted or moved`),
    )
  }

  #closed(): void {
    this.#detach()
    this.#end()
    // The connection tells why it ended just after its channels.
    queueMicrotask(() => this.#fail(this.#why(new Error('the channel was closed'))))
  }

  #why(error: unknown): SluiceError {
    return (
      this.#link.lost ?? translate(this.#reason ?? error, `consuming ${this.#settings.place.queue}`, 'CHANNEL_LOST')
    )
  }

  #end(): void {
    if (!this.#alive) return
    this.#alive = false
    this.#settings.position?.ended(this.#acks.mark)
    this.#age?.stop()
    this.#window.stop()
    this.#acks.stop()
    this.#releases.clear()
  }
}

function minutes(ms: number): string {
  return ms < 120_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`
}

function asMessage(deliveryTag: number): AmqpMessage {
  return { fields: { deliveryTag } } as AmqpMessage
}
