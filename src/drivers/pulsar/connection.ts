import type { Examined } from '../../core/finding.ts'
import type { ConnectContext, Connection, EndpointContext, Sink, Source } from '../../core/ports.ts'
import type { Answerer, InboxOptions, ReplyInbox } from '../../core/reply-ports.ts'
import { type Address, readAddress } from './address.ts'
import type { ConnectionOptions } from './connection-options.ts'
import type { Marks } from './continuation.ts'
import { openAnswerer, openInbox, openSink, openSource } from './endpoints.ts'
import { examineSink, examineSource } from './examine.ts'
import type { Place } from './reply-inbox.ts'
import type { SinkOptions } from './sink-options.ts'
import type { SourceOptions } from './source-options.ts'
import type { Transport } from './transport.ts'

/** Which way to talk to the brokers that an address names. */
export type TransportOf = (address: Address, context: ConnectContext) => Promise<Transport>

/** Settings shared by the sources and sinks of a connection. */
export class PulsarConnection implements Connection {
  readonly #options: ConnectionOptions
  readonly #context: ConnectContext
  readonly #transportOf: TransportOf
  /** Of each inbox by its name: bounded by the configuration. */
  readonly #places = new Map<string, Place>()
  /** Of each route and subscription: bounded likewise. */
  readonly #marks = new Map<string, Marks>()
  #opened: Promise<{ readonly address: Address; readonly transport: Transport }> | undefined

  constructor(options: ConnectionOptions, context: ConnectContext, transportOf: TransportOf) {
    this.#options = options
    this.#context = context
    this.#transportOf = transportOf
  }

  async check(signal: AbortSignal): Promise<void> {
    const { transport } = await this.#open()
    await transport.check(signal)
  }

  async examine(
    part: 'source' | 'sink',
    options: unknown,
    { route }: EndpointContext,
    signal: AbortSignal,
  ): Promise<Examined> {
    const { address, transport } = await this.#open()
    return part === 'source'
      ? examineSource(address, options as SourceOptions, route, signal)
      : examineSink(address, transport, options as SinkOptions, signal)
  }

  async source(options: unknown, context: EndpointContext, signal: AbortSignal): Promise<Source> {
    const { address, transport } = await this.#open()
    return openSource(
      address,
      transport,
      options as SourceOptions,
      context,
      name => this.#marksOf(`${context.route} ${name}`),
      signal,
    )
  }

  async sink(options: unknown, _context: EndpointContext, signal: AbortSignal): Promise<Sink> {
    const { address, transport } = await this.#open()
    return openSink(address, transport, options as SinkOptions, signal)
  }

  async inbox(options: InboxOptions, _context: EndpointContext, signal: AbortSignal): Promise<ReplyInbox> {
    const { address, transport } = await this.#open()
    const place = this.#places.get(options.name) ?? { after: undefined }
    this.#places.set(options.name, place)
    return openInbox(address, transport, options, place, signal)
  }

  async answerer(_context: EndpointContext, _signal: AbortSignal): Promise<Answerer> {
    const { address, transport } = await this.#open()
    return openAnswerer(address, transport)
  }

  #marksOf(key: string): Marks {
    const marks = this.#marks.get(key) ?? new Map()
    this.#marks.set(key, marks)
    return marks
  }

  // Reads the certificate files, so not before the first use; and again after a failure, for somebody may have mended them.
  async #open() {
    this.#opened ??= (async () => {
      const address = readAddress(this.#options, this.#context.name, this.#context.baseDir)
      return { address, transport: await this.#transportOf(address, this.#context) }
    })()
    try {
      return await this.#opened
    } catch (error) {
      this.#opened = undefined
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined)
    await opened?.transport[Symbol.asyncDispose]()
  }
}
