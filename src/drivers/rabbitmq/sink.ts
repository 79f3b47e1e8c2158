import { asSluiceError, SluiceError } from '../../core/errors.ts'
import type { Message } from '../../core/message.ts'
import type { EndpointContext, Sink } from '../../core/ports.ts'
import { Batch } from '../../core/publish-batch.ts'
import { milliseconds } from '../../core/schema.ts'
import { aborting } from '../../core/waiting.ts'
import type { Link, LinkListener, OpenLink } from './link.ts'
import { Publisher, type PublisherSettings } from './publisher.ts'
import { Routing } from './routing.ts'
import type { SinkOptions } from './sink-options.ts'
import { Suspects } from './suspects.ts'
import { assertExchange, assertQueue } from './topology.ts'

const CLOSE_MS = 3_000

/** Publishes with confirms. Opens its channel anew, with its topology, at the first publish after a loss. */
export class RabbitSink implements Sink, LinkListener {
  readonly #link: Link
  readonly #isolated: () => Link
  readonly #options: SinkOptions
  readonly #context: EndpointContext
  readonly #routing: Routing
  readonly #settings: PublisherSettings
  #publisher: Publisher | undefined
  #opening: Promise<Publisher> | undefined
  readonly #closing = new AbortController()

  private constructor(link: Link, isolated: () => Link, options: SinkOptions, context: EndpointContext) {
    this.#link = link
    this.#isolated = isolated
    this.#options = options
    this.#context = context
    this.#routing = new Routing(options, userId => link.vouchesFor(userId))
    const { queue } = options
    const code = options.unroutable === 'retry' ? 'UNROUTABLE_RETRY' : 'UNROUTABLE'
    this.#settings = {
      timeoutMs: milliseconds(options.publishTimeout ?? '30s'),
      maxUnconfirmed: options.maxUnconfirmed ?? 10_000,
      // The default exchange knows every queue by its name: what it returns says that the queue is gone, for every message.
      unroutable: (exchange, key, reason) =>
        queue === undefined
          ? new SluiceError(code, `exchange "${exchange}" has no queue for the routing key "${key}" (${reason})`)
          : new SluiceError('ADDRESS_MISSING', `queue "${queue}" is gone`),
    }
  }

  get #disposed(): boolean {
    return this.#closing.signal.aborted
  }

  /**
   * @param isolated makes a connection for messages that may cost the one they are sent on
   * Throws what the link, the topology or a template throw.
   */
  static async open(
    link: Link,
    isolated: () => Link,
    options: SinkOptions,
    context: EndpointContext,
    signal: AbortSignal,
  ): Promise<RabbitSink> {
    const sink = new RabbitSink(link, isolated, options, context)
    await sink.#ready(signal)
    link.listen(sink)
    return sink
  }

  async publish(messages: readonly Message[], signal: AbortSignal): Promise<readonly (SluiceError | null)[]> {
    const batch = new Batch(messages.length)
    if (this.#disposed || signal.aborted) {
      batch.settleRest(new SluiceError('ABORTED', this.#disposed ? 'the sink is closed' : 'publishing was given up'))
      return batch.results as (SluiceError | null)[]
    }
    const giveUp = () => batch.settleRest(new SluiceError('ABORTED', 'publishing was given up'))
    signal.addEventListener('abort', giveUp, { once: true })
    try {
      const publisher = await this.#ready(signal)
      await this.#send(publisher, messages, batch, signal)
      await batch.done
      if (publisher.blame !== undefined) await this.#apart(publisher, messages, batch, signal)
    } catch (error) {
      batch.settleRest(asSluiceError(error))
    } finally {
      signal.removeEventListener('abort', giveUp)
    }
    return batch.results as (SluiceError | null)[]
  }

  async #send(publisher: Publisher, messages: readonly Message[], batch: Batch, signal: AbortSignal): Promise<void> {
    for (let i = 0; i < messages.length; i++) {
      if (!publisher.hasRoom) {
        publisher.flush()
        await publisher.room(signal)
      }
      try {
        publisher.send(this.#routing.publication(messages[i]!), batch, i)
      } catch (error) {
        batch.settle(i, asSluiceError(error, 'MESSAGE_REFUSED'))
      }
    }
    publisher.flush()
  }

  // The broker ended the channel over one message without saying which: each one that went with it is sent alone, on a
  // connection of its own, until the guilty one is found.
  async #apart(failed: Publisher, messages: readonly Message[], batch: Batch, signal: AbortSignal): Promise<void> {
    await using suspects = new Suspects(this.#isolated(), this.#settings)
    for (let i = 0; i < messages.length; i++)
      if (batch.results[i] === failed.failure)
        batch.results[i] = await suspects.publish(this.#routing.publication(messages[i]!), signal)
  }

  async #ready(signal: AbortSignal): Promise<Publisher> {
    if (this.#publisher !== undefined && this.#publisher.failure === undefined) return this.#publisher
    // One attempt for all callers; it ends with the sink, not with the first of them.
    this.#opening ??= this.#open(this.#closing.signal).finally(() => {
      this.#opening = undefined
    })
    return aborting(this.#opening, signal)
  }

  async #open(closing: AbortSignal): Promise<Publisher> {
    const { timeoutMs } = this.#settings
    const timeout = AbortSignal.timeout(timeoutMs)
    const signal = AbortSignal.any([closing, timeout])
    try {
      const link = await this.#link.open(signal)
      await this.#declare(link, signal)
      this.#publisher = await Publisher.open(link, this.#settings, signal)
      return this.#publisher
    } catch (error) {
      if (!timeout.aborted || closing.aborted) throw error
      throw new SluiceError('TIMED_OUT', `no channel could be opened within ${timeoutMs} ms`)
    }
  }

  async #declare(link: OpenLink, signal: AbortSignal): Promise<void> {
    const { queue, exchange, type, passive } = this.#options
    if (queue !== undefined) {
      const { durable, autoDelete, arguments: args } = this.#options
      const kind = type as 'classic' | 'quorum' | 'stream' | undefined
      await assertQueue(link, queue, { passive, type: kind, durable, autoDelete, arguments: args }, signal)
    } else if (exchange !== undefined) await assertExchange(link, exchange, passive ? undefined : type, signal)
  }

  onBlocked(reason: string): void {
    this.#context.status('blocked', `the broker is blocked: ${reason}`)
  }

  onUnblocked(): void {
    this.#context.status('ok')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return
    this.#closing.abort()
    this.#link.unlisten(this)
    await this.#opening?.catch(() => {})
    await this.#publisher?.close(AbortSignal.timeout(CLOSE_MS))
  }
}
