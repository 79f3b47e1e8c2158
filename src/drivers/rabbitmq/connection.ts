import { SluiceError } from '../../core/errors.ts'
import type { Examined } from '../../core/finding.ts'
import type { ConnectContext, Connection, EndpointContext, Sink, Source } from '../../core/ports.ts'
import type { Answerer, InboxOptions, ReplyInbox } from '../../core/reply-ports.ts'
import { RabbitAnswerer } from './answerer.ts'
import type { ConnectionOptions } from './connection-options.ts'
import { translate } from './errors.ts'
import { examineSink, examineSource } from './examine.ts'
import { Link } from './link.ts'
import { readLogin, readManagement } from './login.ts'
import { Management } from './management.ts'
import { PartitionedSource } from './partitioned-source.ts'
import { drawPriorities, isPartitioned } from './partitions.ts'
import { RabbitInbox } from './reply-inbox.ts'
import { onScratch } from './scratch.ts'
import { RabbitSink } from './sink.ts'
import type { SinkOptions } from './sink-options.ts'
import { RabbitSource, type SourcePlace } from './source.ts'
import type { SourceOptions } from './source-options.ts'
import { newMemory, type SessionMemory } from './vacancy.ts'

/** Two TCP connections, so that a broker that blocks publishers does not stop the acks of consumers. */
export class RabbitConnection implements Connection {
  readonly #name: string
  readonly #baseDir: string
  readonly #timeoutMs: number
  readonly #patienceMs: number
  readonly #consuming: Link
  readonly #publishing: Link
  readonly #isolated: () => Link
  readonly #management: Management | undefined
  readonly #memories = new Map<string, SessionMemory>()
  // Drawn once, so that a new session takes back what the lost one had.
  readonly #priorities = new Map<string, readonly number[]>()

  constructor(options: ConnectionOptions, context: ConnectContext) {
    const login = readLogin(options, context.name, context.baseDir)
    this.#name = context.name
    this.#baseDir = context.baseDir
    this.#timeoutMs = login.connectTimeoutMs
    this.#patienceMs = patience(login.heartbeat)
    const access = readManagement(options, login, context.baseDir)
    this.#management = access && new Management(access)
    this.#consuming = new Link(login, 'consume', context.log)
    this.#publishing = new Link(login, 'publish', context.log)
    this.#isolated = () => new Link(login, 'isolate', context.log)
  }

  async check(signal: AbortSignal): Promise<void> {
    const timeout = AbortSignal.timeout(this.#timeoutMs)
    try {
      const link = await this.#publishing.open(signal)
      // An open connection may be dead without having said so: only an answer proves that it is not.
      await onScratch(link, AbortSignal.any([signal, timeout]), async () => {})
    } catch (error) {
      if (timeout.aborted && !signal.aborted) {
        this.#publishing.drop()
        throw new SluiceError('TIMED_OUT', `the broker did not answer within ${this.#timeoutMs} ms`)
      }
      throw translate(error, 'checking the connection')
    }
  }

  async examine(
    part: 'source' | 'sink',
    options: unknown,
    _context: EndpointContext,
    signal: AbortSignal,
  ): Promise<Examined> {
    const eyes = { link: await this.#publishing.open(signal), management: this.#management }
    return part === 'source'
      ? examineSource(eyes, options as SourceOptions, signal)
      : examineSink(eyes, options as SinkOptions, signal)
  }

  source(options: unknown, context: EndpointContext, signal: AbortSignal): Promise<Source> {
    const source = options as SourceOptions
    const { queue, offset } = source
    const at = (name: string | undefined) => this.#place(JSON.stringify([context.route, name, offset]))
    if (!isPartitioned(source)) return RabbitSource.open(at(queue), this.#consuming, source, context, signal)
    const key = JSON.stringify([context.route, queue, source.partitions])
    const priorities = this.#priorities.get(key) ?? drawPriorities(source.partitions)
    this.#priorities.set(key, priorities)
    const place = { partition: at, priorities, isolated: this.#isolated }
    return PartitionedSource.open(place, this.#consuming, source, context, signal)
  }

  // A memory for each route and queue: bounded by the configuration.
  #place(key: string): SourcePlace {
    const memory = this.#memories.get(key) ?? newMemory()
    this.#memories.set(key, memory)
    return { connection: this.#name, memory, baseDir: this.#baseDir, patienceMs: this.#patienceMs }
  }

  sink(options: unknown, context: EndpointContext, signal: AbortSignal): Promise<Sink> {
    return RabbitSink.open(this.#publishing, this.#isolated, options as SinkOptions, context, signal)
  }

  inbox(options: InboxOptions, context: EndpointContext, signal: AbortSignal): Promise<ReplyInbox> {
    const place = { connection: this.#name, baseDir: this.#baseDir, patienceMs: this.#patienceMs }
    return RabbitInbox.open(place, this.#consuming, options, context, signal)
  }

  answerer(context: EndpointContext, signal: AbortSignal): Promise<Answerer> {
    return RabbitAnswerer.open(this.#publishing, this.#isolated, context, signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#consuming[Symbol.asyncDispose](), this.#publishing[Symbol.asyncDispose]()])
  }
}

// The broker gives up a silent connection after two heartbeats; without them, whenever TCP does.
function patience(heartbeat: number): number {
  return heartbeat === 0 ? 30_000 : heartbeat * 2_000 + 5_000
}
