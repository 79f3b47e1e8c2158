import { randomUUID } from 'node:crypto'
import { SluiceError } from '../../core/errors.ts'
import type { Delivery, EndpointContext, Source } from '../../core/ports.ts'
import { milliseconds } from '../../core/schema.ts'
import { aborting } from '../../core/waiting.ts'
import { Caution } from './caution.ts'
import { Consumer, type ConsumerSettings } from './consumer.ts'
import { CrashNote } from './crash-note.ts'
import type { Link, OpenLink } from './link.ts'
import { Prefetch } from './prefetch.ts'
import type { SourceOptions } from './source-options.ts'
import { StreamPosition } from './stream-position.ts'
import { assertQueue, bindQueue, countQueue, deleteQueue, type Queue, temporaryQueue } from './topology.ts'
import { awaitVacancy, type SessionMemory, sawConsumers } from './vacancy.ts'

const CLOSE_MS = 3_000

export interface SourcePlace {
  /** Name of the connection. */
  readonly connection: string
  readonly memory: SessionMemory
  /** Folder of the configuration file. */
  readonly baseDir: string
  /** How long the broker may need to notice that a connection is gone. */
  readonly patienceMs: number
}

/** One session on one queue: it ends for good when its channel, its connection or its consumer is lost. */
export class RabbitSource implements Source {
  readonly #link: OpenLink
  readonly #queue: Queue
  readonly #settings: ConsumerSettings
  readonly #at: SourcePlace
  #consumer: Consumer
  #counted = false
  #disposed: Promise<void> | undefined

  private constructor(link: OpenLink, queue: Queue, settings: ConsumerSettings, at: SourcePlace, consumer: Consumer) {
    this.#at = at
    this.#link = link
    this.#queue = queue
    this.#settings = settings
    this.#consumer = consumer
  }

  /** Declares and binds the queue. Throws what the link, the topology or the channel throw. */
  static async open(
    at: SourcePlace,
    link: Link,
    options: SourceOptions,
    context: EndpointContext,
    signal: AbortSignal,
  ): Promise<RabbitSource> {
    const open = await link.open(signal)
    const queue =
      options.queue === undefined
        ? await temporaryQueue(open, options, signal)
        : await assertQueue(open, options.queue, options, signal)
    await bindQueue(open, queue.name, options.bind ?? [], signal)
    const note = new CrashNote(at.baseDir, at.connection, queue.name, context.log)
    // Counts also grow with every lost session of a living process: what comes in a later one has not stopped it.
    const counted = queue.restartable && !queue.stream && !queue.temporary && !at.memory.consumed
    const caution = new Caution(counted ? note : undefined)
    const settings: ConsumerSettings = {
      place: { connection: at.connection, queue: queue.name, stream: queue.stream },
      prefetch: new Prefetch({
        count: context.inFlight,
        bytes: context.inFlightBytes,
        fixed: options.prefetch,
        adaptable: queue.restartable,
        caution,
      }),
      caution,
      tag: `sluice.${context.route}-${randomUUID().slice(0, 8)}`,
      priority: options.priority,
      single: options.singleActiveConsumer === true,
      position: queue.stream ? new StreamPosition(options.offset ?? 'first', at.memory) : undefined,
      timeoutMs: milliseconds(options.consumerTimeout ?? '30m'),
      status: (state, reason) => context.status(state, reason),
    }
    return new RabbitSource(open, queue, settings, at, await Consumer.open(open, settings, signal))
  }

  async *receive(signal: AbortSignal): AsyncIterable<readonly Delivery[]> {
    const stop = () => this.#consumer.stop()
    signal.addEventListener('abort', stop, { once: true })
    try {
      while (!signal.aborted) {
        const consumer = this.#consumer
        await this.#vacancy(signal)
        await aborting(consumer.start(), signal)
        this.#counted = true
        this.#at.memory.live++
        this.#at.memory.consumed = true
        for (let batch = await consumer.next(); batch !== undefined; batch = await consumer.next()) yield batch
        if (!consumer.renewal || this.#disposed !== undefined) return
        await this.#renew(signal)
      }
    } catch (error) {
      if (error instanceof SluiceError && error.code === 'ABORTED' && signal.aborted) return
      // Closed while it was about to begin.
      if (this.#disposed !== undefined) return
      this.#leave(false)
      throw error
    } finally {
      signal.removeEventListener('abort', stop)
      stop()
    }
  }

  // A stream is not consumed up, and a temporary queue is new with each session.
  async #vacancy(signal: AbortSignal): Promise<void> {
    const { name, stream, temporary } = this.#queue
    if (stream || temporary) return
    const { memory, patienceMs } = this.#at
    await awaitVacancy(this.#link, { queue: name, memory, patienceMs, status: this.#settings.status }, signal)
  }

  // The old channel is closed first: what it held goes back to its place in the queue before anything new is delivered.
  async #renew(signal: AbortSignal): Promise<void> {
    await this.#close(AbortSignal.any([signal, AbortSignal.timeout(CLOSE_MS)]))
    const consumer = await Consumer.open(this.#link, this.#settings, signal)
    this.#consumer = consumer
    if (this.#disposed !== undefined) await consumer.close(AbortSignal.timeout(CLOSE_MS))
  }

  async lag(signal: AbortSignal): Promise<number | undefined> {
    if (this.#queue.stream) return undefined
    const counts = await countQueue(this.#link, this.#queue.name, signal)
    if (this.#counted) sawConsumers(this.#at.memory, counts)
    return counts.messages
  }

  // AMQP does not tell which consumer is the active one. Who has been it stays it, unless priorities are in play.
  get standingBy(): boolean {
    const { single, priority } = this.#settings
    return single && (priority !== undefined || this.#consumer.lastTag() === 0)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#disposed ??= this.#dispose())
  }

  async #dispose(): Promise<void> {
    const signal = AbortSignal.timeout(CLOSE_MS)
    await this.#close(signal)
    if (this.#queue.temporary) await deleteQueue(this.#link, this.#queue.name, signal).catch(() => {})
  }

  async #close(signal: AbortSignal): Promise<void> {
    this.#leave(await this.#consumer.close(signal))
  }

  // What the next session has to know about the end of this one.
  #leave(clean: boolean): void {
    if (!this.#counted) return
    this.#counted = false
    this.#at.memory.live--
    if (clean) return
    this.#at.memory.unclean = true
    this.#at.memory.held ||= this.#consumer.oldest() !== undefined
  }
}
