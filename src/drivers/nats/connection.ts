import { asSluiceError } from '../../core/errors.ts'
import type { Examined } from '../../core/finding.ts'
import type { ConnectContext, Connection, EndpointContext, Sink, Source } from '../../core/ports.ts'
import type { Answerer, InboxOptions, ReplyInbox } from '../../core/reply-ports.ts'
import { NatsAnswerer } from './answerer.ts'
import type { ConnectionOptions } from './connection-options.ts'
import { consumerName } from './consumers.ts'
import { CoreSink } from './core-sink.ts'
import { CoreSource } from './core-source.ts'
import type { Monitoring } from './durability.ts'
import { examineSink, examineSource } from './examine.ts'
import { Link } from './link.ts'
import { settingsOf, tlsOf } from './login.ts'
import { Mailbox } from './mailbox.ts'
import { NatsInbox, replyPrefix } from './reply-inbox.ts'
import type { SinkOptions } from './sink-options.ts'
import type { SourceOptions } from './source-options.ts'
import { emptyMemory, type StreamMemory } from './stream-memory.ts'
import { StreamSink } from './stream-sink.ts'
import { StreamSource } from './stream-source.ts'

/** Two connections to the servers, so that what is received in bulk does not hold up the acks of what is published. */
export class NatsConnection implements Connection {
  readonly #name: string
  readonly #consuming: Link
  readonly #publishing: Link
  readonly #memories = new Map<string, StreamMemory>()
  /** Of each inbox by its name: bounded by the configuration. */
  readonly #mailboxes = new Map<string, Mailbox>()
  readonly #inboxPrefix: string
  readonly #monitoring: Monitoring | undefined

  /** Throws OPTIONS_INVALID. */
  constructor(options: ConnectionOptions, context: ConnectContext) {
    const settings = settingsOf(options, context.name)
    this.#name = context.name
    this.#inboxPrefix = settings.inboxPrefix
    const timeoutMs = settings.requestTimeoutMs
    this.#monitoring = options.monitoring && {
      addresses: options.monitoring,
      asking: () => ({ tls: tlsOf(options, context.baseDir), timeoutMs }),
    }
    this.#consuming = new Link(options, settings, context, 'consume')
    this.#publishing = new Link(options, settings, context, 'publish')
  }

  async check(signal: AbortSignal): Promise<void> {
    const link = await this.#publishing.open(signal)
    try {
      // An open connection may be dead without having said so: only an answer proves that it is not.
      await link.flush(signal)
    } catch (error) {
      signal.throwIfAborted()
      const known = asSluiceError(error)
      if (known.code === 'TIMED_OUT') link.lose(known)
      throw known
    }
  }

  async examine(
    part: 'source' | 'sink',
    options: unknown,
    context: EndpointContext,
    signal: AbortSignal,
  ): Promise<Examined> {
    const link = await this.#publishing.open(signal)
    return part === 'source'
      ? examineSource(link, options as SourceOptions, context, signal)
      : examineSink(link, options as SinkOptions, this.#monitoring, signal)
  }

  source(options: unknown, context: EndpointContext, signal: AbortSignal): Promise<Source> {
    const given = options as SourceOptions
    if (given.stream === undefined) return CoreSource.open(this.#consuming, given, this.#name, context, signal)
    // One for each route and consumer: bounded by the configuration.
    const key = JSON.stringify([context.route, given.stream, consumerName(given, context.route)])
    const memory = this.#memories.get(key) ?? emptyMemory()
    this.#memories.set(key, memory)
    return StreamSource.open(this.#consuming, given, { connection: this.#name, memory }, context, signal)
  }

  sink(options: unknown, _context: EndpointContext, signal: AbortSignal): Promise<Sink> {
    const given = options as SinkOptions
    return given.stream === undefined
      ? CoreSink.open(this.#publishing, given, signal)
      : StreamSink.open(this.#publishing, given, signal)
  }

  async inbox(options: InboxOptions, context: EndpointContext, signal: AbortSignal): Promise<ReplyInbox> {
    const { name, address } = options
    const prefix = replyPrefix(address, this.#inboxPrefix)
    const settings = { prefix, name, connection: this.#name, bytes: context.inFlightBytes, log: context.log }
    const mailbox = this.#mailboxes.get(name) ?? new Mailbox(this.#publishing, settings)
    this.#mailboxes.set(name, mailbox)
    const leave = () => {
      mailbox.close()
      this.#mailboxes.delete(name)
    }
    return NatsInbox.open(this.#publishing, mailbox, leave, signal)
  }

  answerer(_context: EndpointContext, signal: AbortSignal): Promise<Answerer> {
    return NatsAnswerer.open(this.#publishing, signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#consuming[Symbol.asyncDispose](), this.#publishing[Symbol.asyncDispose]()])
  }
}
