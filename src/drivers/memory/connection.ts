import { SluiceError } from '../../core/errors.ts'
import { compileTemplate, type Expression } from '../../core/expression.ts'
import { type Examined, failed, ok, unseen } from '../../core/finding.ts'
import type { ConnectContext, Connection, EndpointContext, Sink, Source } from '../../core/ports.ts'
import type { Answerer, InboxOptions, ReplyInbox } from '../../core/reply-ports.ts'
import { milliseconds } from '../../core/schema.ts'
import { MemoryAnswerer } from './answerer.ts'
import type { MemoryBroker } from './broker.ts'
import type { Client } from './client.ts'
import type { MemoryHub } from './hub.ts'
import { MemoryInbox } from './inbox.ts'
import type { ConnectionOptions, SinkOptions, SourceOptions } from './options.ts'
import type { Mode } from './place.ts'
import { MemorySink } from './sink.ts'
import { MemorySource } from './source.ts'

export interface ConnectionPlace {
  readonly hub: MemoryHub
  readonly client: Client
  readonly mode: Mode
  readonly orderedBatch: boolean
}

/** The address of a message that says itself where it goes. */
const SUBJECT = compileTemplate('${subject}')

export class MemoryConnection implements Connection {
  readonly #at: ConnectionPlace
  readonly #context: ConnectContext
  readonly #broker: MemoryBroker
  readonly #password: string
  readonly #timeoutMs: number
  readonly #open = new Set<Source | Sink>()
  #closed = false

  constructor(options: ConnectionOptions, context: ConnectContext, at: ConnectionPlace) {
    const url = new URL(options.url)
    this.#at = at
    this.#context = context
    this.#broker = at.hub.broker(url.hostname)
    this.#password = decodeURIComponent(url.password)
    this.#timeoutMs = milliseconds(options.timeout ?? '10s')
    if (options.faults !== undefined) this.#broker.faults.set(options.faults)
  }

  async check(signal: AbortSignal): Promise<void> {
    await this.#ask(() => undefined, signal)
  }

  async examine(
    part: 'source' | 'sink',
    options: unknown,
    _context: EndpointContext,
    signal: AbortSignal,
  ): Promise<Examined> {
    const { address, create = true } = options as SourceOptions | SinkOptions
    const subject = `address ${address}`
    const { maxBytes } = this.#broker
    const { constant } = compileTemplate(String(address))
    if (part === 'sink' && constant === undefined)
      return { findings: [unseen(subject, 'it depends on the message')], maxBytes }
    try {
      await this.#ask(() => this.#broker.place(String(address), this.#at.mode), signal)
      return { findings: [ok(subject, 'it is there')], maxBytes }
    } catch (error) {
      const missing = error instanceof SluiceError && error.code === 'ADDRESS_MISSING' && create
      return {
        findings: [missing ? ok(subject, 'it is not there yet; Sluice makes it') : failed(subject, error)],
        maxBytes,
      }
    }
  }

  source(options: unknown, context: EndpointContext, signal: AbortSignal): Promise<Source> {
    return this.#source(options as SourceOptions, context, signal)
  }

  async #source(options: SourceOptions, context: EndpointContext, signal: AbortSignal): Promise<Source> {
    const { address, group = 'sluice', create = true, partitions = 1 } = options
    const { mode, client } = this.#at
    const broker = this.#broker
    const place = await this.#ask(
      () => (create ? broker.create(address, { mode, partitions }) : broker.place(address, mode)),
      signal,
    )
    const left = (source: Source) => this.#open.delete(source)
    const at = { connection: this.#context.name, broker, client, address, group, place, left }
    const source = new MemorySource(at, context)
    this.#open.add(source)
    return source
  }

  async sink(options: unknown, _context: EndpointContext, signal: AbortSignal): Promise<Sink> {
    const { address, key, create = true, partitions = 1 } = options as SinkOptions
    const { mode } = this.#at
    const place = { mode, partitions }
    const template = compileTemplate(String(address))
    const known = template.constant
    await this.#ask(() => {
      if (typeof known !== 'string') return
      if (create) this.#broker.create(known, place)
      else this.#broker.place(known, mode)
    }, signal)
    return this.#sink(template, key === undefined ? undefined : compileTemplate(String(key)), create, partitions)
  }

  #sink(address: Expression, key: Expression | undefined, create: boolean, partitions: number): Sink {
    const { mode, client, orderedBatch } = this.#at
    const sink = new MemorySink({
      broker: this.#broker,
      client,
      timeoutMs: this.#timeoutMs,
      address,
      key,
      create,
      place: { mode, partitions },
      orderedBatch,
      left: closed => this.#open.delete(closed),
    })
    this.#open.add(sink)
    return sink
  }

  async inbox(options: InboxOptions, context: EndpointContext, signal: AbortSignal): Promise<ReplyInbox> {
    const address = `${options.address ?? 'sluice.reply'}.${options.name}`
    const source = await this.#source({ address, group: options.name }, context, signal)
    return new MemoryInbox(address, source, () => {
      if (!this.#at.client.dead) this.#broker.delete(address)
    })
  }

  async answerer(_context: EndpointContext, signal: AbortSignal): Promise<Answerer> {
    await this.check(signal)
    return new MemoryAnswerer(this.#sink(SUBJECT, undefined, false, 1))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    const open = [...this.#open].reverse()
    this.#open.clear()
    for (const endpoint of open) await endpoint[Symbol.asyncDispose]()
  }

  #ask<T>(action: () => T, signal: AbortSignal): Promise<T> {
    const { reach } = this.#broker
    return reach.request(
      () => {
        if (this.#closed) throw new SluiceError('ABORTED', 'the connection is closed')
        if (this.#broker.password !== undefined && this.#password !== this.#broker.password)
          throw new SluiceError('AUTH_FAILED', `memory broker "${this.#broker.name}" refused the password`)
        return action()
      },
      { client: this.#at.client, timeoutMs: this.#timeoutMs, signal },
    )
  }
}
