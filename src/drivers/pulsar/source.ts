import { SluiceError } from '../../core/errors.ts'
import type { Delivery, EndpointContext, Source } from '../../core/ports.ts'
import { pause } from '../../core/waiting.ts'
import type { Backlog } from './admin.ts'
import type { Marks } from './continuation.ts'
import type { PulsarDelivery } from './delivery.ts'
import { type Desk, type Limits, Subscription } from './subscription.ts'
import type { ConsumerSettings, Transport } from './transport.ts'

const CLOSE_MS = 5_000
/** How long the broker may take to see that the consumer before this one is gone; and how often it is asked. */
const VACANCY_MS = 5_000
const VACANCY_PAUSE_MS = 100

/** One session on one subscription, of one topic or several: it ends for good when any of its links is lost. */
export class PulsarSource implements Source, Desk {
  readonly connection: string
  readonly #backlog: Backlog | undefined
  #subscriptions: readonly Subscription[] = []
  #ready: PulsarDelivery[] = []
  #wake = Promise.withResolvers<void>()
  #stopped = false
  #lost: SluiceError | undefined
  #disposed: Promise<void> | undefined

  private constructor(connection: string, backlog: Backlog | undefined) {
    this.connection = connection
    this.#backlog = backlog
  }

  /** Subscribes to each topic, all with the same settings. Throws what the transport throws. */
  static async open(
    transport: Transport,
    connection: string,
    settings: readonly ConsumerSettings[],
    context: EndpointContext,
    backlog: Backlog | undefined,
    marks: Marks,
    signal: AbortSignal,
  ): Promise<PulsarSource> {
    // What one topic was permitted cannot go to another, so each has its part.
    const limits: Limits = {
      count: Math.floor(context.inFlight / settings.length),
      bytes: Math.floor(context.inFlightBytes / settings.length),
    }
    if (limits.count === 0)
      throw new SluiceError('OPTIONS_INVALID', `inFlight: ${context.inFlight} is less than one for each topic`)
    const source = new PulsarSource(connection, backlog)
    try {
      const opened: Subscription[] = []
      source.#subscriptions = opened
      for (const one of settings) opened.push(await open(transport, one, limits, marks, source, signal))
      return source
    } catch (error) {
      await source[Symbol.asyncDispose]()
      throw error
    }
  }

  async *receive(signal: AbortSignal): AsyncIterable<readonly Delivery[]> {
    const stop = () => this.#stop()
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    try {
      if (!this.#stopped) for (const one of this.#subscriptions) one.start()
      while (!this.#stopped) {
        if (this.#ready.length > 0) {
          const batch = this.#ready
          this.#ready = []
          yield batch
          continue
        }
        if (this.#lost !== undefined) throw this.#lost
        await this.#wake.promise
        this.#wake = Promise.withResolvers()
      }
    } finally {
      signal.removeEventListener('abort', stop)
      stop()
    }
  }

  #stop(): void {
    this.#stopped = true
    for (const one of this.#subscriptions) one.stop()
    this.#wake.resolve()
  }

  deliver(delivery: PulsarDelivery): void {
    if (this.#stopped) return
    this.#ready.push(delivery)
    this.#wake.resolve()
  }

  lost(error: SluiceError): void {
    if (this.#lost !== undefined) return
    this.#lost = error
    this.#wake.resolve()
    // The others cannot go on alone: the next session has all of the topics.
    void this.#close()
  }

  async lag(signal: AbortSignal): Promise<number | undefined> {
    const backlog = await this.#backlog?.(signal)
    if (backlog === undefined) return undefined
    return Math.max(0, backlog - this.#subscriptions.reduce((sum, one) => sum + one.held, 0))
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#stop()
    return (this.#disposed ??= this.#close())
  }

  async #close(): Promise<void> {
    const signal = AbortSignal.timeout(CLOSE_MS)
    await Promise.all(this.#subscriptions.map(one => one.close(signal)))
  }
}

// The broker sees a little later than we do that our last session is over, and an exclusive subscription is taken until then.
async function open(
  transport: Transport,
  settings: ConsumerSettings,
  limits: Limits,
  marks: Marks,
  desk: Desk,
  signal: AbortSignal,
): Promise<Subscription> {
  const patience = performance.now() + VACANCY_MS
  for (;;) {
    try {
      return await Subscription.open(transport, settings, limits, marks, desk, signal)
    } catch (error) {
      const taken = error instanceof SluiceError && error.code === 'ADDRESS_IN_USE'
      if (!taken || signal.aborted || performance.now() > patience) throw error
      await pause(VACANCY_PAUSE_MS, signal)
    }
  }
}
