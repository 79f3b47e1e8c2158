import { asSluiceError, type SluiceError } from '../core/errors.ts'
import type { Message } from '../core/message.ts'
import type { Connection, EndpointContext, Sink } from '../core/ports.ts'
import { closeQuietly, within } from './patience.ts'

/** Longest wait for a broker to answer a probe, and for a sink to open, in ms; both are tried again. */
const PROBE_WAIT = 30_000
const OPEN_WAIT = 60_000

/**
 * A sink that may not be there yet: opened on demand, opened anew after a fatal error so that its topology is asserted
 * again. `publish` never throws.
 */
export class Target implements AsyncDisposable {
  readonly #connection: Connection
  readonly #options: unknown
  readonly #context: EndpointContext
  #sink: Sink | undefined
  #opening: Promise<Sink> | undefined
  readonly #closing = new Set<Promise<void>>()
  #disposed = false

  constructor(connection: Connection, options: unknown, context: EndpointContext) {
    this.#connection = connection
    this.#options = options
    this.#context = context
  }

  /** Proves that the broker and the address are there. Throws a SluiceError. */
  async probe(signal: AbortSignal): Promise<void> {
    await within(this.#connection.check(signal), { ms: PROBE_WAIT, signal, what: 'the check of the connection' })
    await within(this.#open(signal), { ms: OPEN_WAIT, signal, what: 'opening the target' })
  }

  async publish(
    messages: readonly Message[],
    signal: AbortSignal,
    runs?: readonly number[],
  ): Promise<readonly (SluiceError | null)[]> {
    let sink = this.#sink
    if (sink === undefined) {
      try {
        sink = await this.#open(signal)
      } catch (error) {
        const reason = asSluiceError(error, 'UNAVAILABLE')
        return messages.map(() => reason)
      }
    }
    const results = await sink.publish(messages, signal, runs)
    if (this.#sink === sink && results.some(result => result?.fate === 'fatal')) {
      this.#sink = undefined
      // Not waited for: the results are what counts, and a sink that refuses to close must not hold them back.
      this.#close(sink)
    }
    return results
  }

  /** What was published can be read back. Known once the target is open. */
  get recallable(): boolean {
    return this.#sink?.recall !== undefined && this.#sink.position !== undefined
  }

  /** Sink.position of the open sink. Throws a SluiceError. */
  async position(signal: AbortSignal): Promise<string> {
    return (await this.#open(signal)).position!(signal)
  }

  /** Sink.recall of the open sink. Throws a SluiceError. */
  async recall(since: string, header: string, signal: AbortSignal): Promise<ReadonlySet<string>> {
    return (await this.#open(signal)).recall!(since, header, signal)
  }

  #open(signal: AbortSignal): Promise<Sink> {
    if (this.#sink !== undefined) return Promise.resolve(this.#sink)
    if (this.#opening !== undefined) return this.#opening
    let abandoned = false
    const opened = this.#connection.sink(this.#options, this.#context, signal)
    const opening = within(opened, { ms: OPEN_WAIT, signal, what: 'opening the target' })
      .then(sink => {
        if (this.#disposed) this.#close(sink)
        else this.#sink = sink
        return sink
      })
      .catch(error => {
        abandoned = true
        throw error
      })
      .finally(() => {
        this.#opening = undefined
      })
    // One that opens after all has no owner.
    opened.then(
      sink => {
        if (abandoned) this.#close(sink)
      },
      () => {},
    )
    this.#opening = opening
    return opening
  }

  #close(sink: Sink): void {
    const closing = closeQuietly(sink, `a sink of route ${this.#context.route}`, this.#context.log)
    this.#closing.add(closing)
    void closing.then(() => this.#closing.delete(closing))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    const sink = this.#sink
    this.#sink = undefined
    if (sink !== undefined) this.#close(sink)
    await Promise.all(this.#closing)
  }
}
