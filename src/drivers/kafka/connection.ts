import type { Examined } from '../../core/finding.ts'
import type {
  ConnectContext,
  Connection,
  EndpointContext,
  Sink,
  Source,
  TransactionContext,
  Transactions,
} from '../../core/ports.ts'
import type { Answerer, InboxOptions, ReplyInbox } from '../../core/reply-ports.ts'
import { milliseconds } from '../../core/schema.ts'
import { type Address, address } from './address.ts'
import { AnswerTargets, KafkaAnswerer } from './answerer.ts'
import type { ConnectionOptions } from './connection-options.ts'
import { examineSink, examineSource } from './examine.ts'
import { openPublisher, openSink } from './open-sink.ts'
import { openSource } from './open-source.ts'
import { probe } from './probe.ts'
import { KafkaInbox, type Offsets } from './reply-inbox.ts'
import type { SinkOptions } from './sink-options.ts'
import type { SourceOptions } from './source-options.ts'
import { KafkaTransactions } from './transactions.ts'

/** Settings shared by the sources and sinks of a connection; each of them has network connections of its own. */
export class KafkaConnection implements Connection {
  readonly #options: ConnectionOptions
  readonly #context: ConnectContext
  #address: Address | undefined
  /** Of each inbox by its name: bounded by the configuration. */
  readonly #offsets = new Map<string, Offsets>()

  constructor(options: ConnectionOptions, context: ConnectContext) {
    this.#options = options
    this.#context = context
  }

  async check(signal: AbortSignal): Promise<void> {
    await probe(this.#where, signal)
  }

  examine(
    part: 'source' | 'sink',
    options: unknown,
    { route }: EndpointContext,
    signal: AbortSignal,
  ): Promise<Examined> {
    return part === 'source'
      ? examineSource(this.#where, options as SourceOptions, route, signal)
      : examineSink(this.#where, options as SinkOptions, signal)
  }

  source(options: unknown, context: EndpointContext, signal: AbortSignal): Promise<Source> {
    return openSource(this.#where, this.#context.name, options as SourceOptions, context, signal)
  }

  sink(options: unknown, context: EndpointContext, signal: AbortSignal): Promise<Sink> {
    return openSink(this.#where, options as SinkOptions, context, signal)
  }

  inbox(options: InboxOptions, _context: EndpointContext, signal: AbortSignal): Promise<ReplyInbox> {
    const offsets: Offsets = this.#offsets.get(options.name) ?? new Map()
    this.#offsets.set(options.name, offsets)
    return KafkaInbox.open(this.#where, this.#context.name, options, offsets, signal)
  }

  async answerer(context: EndpointContext, signal: AbortSignal): Promise<Answerer> {
    const targets = new AnswerTargets()
    const sink = await openPublisher(this.#where, targets, { topic: '${subject}' }, context, signal)
    return new KafkaAnswerer(sink, targets)
  }

  transactions(_source: unknown, sink: unknown, context: TransactionContext): Transactions {
    const { transactionTimeout = '10s' } = sink as SinkOptions
    return new KafkaTransactions(this.#where, milliseconds(transactionTimeout), context)
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  // Reads the certificate files, so not before the first use.
  get #where(): Address {
    return (this.#address ??= address(this.#options, this.#context.name, this.#context.baseDir))
  }
}
