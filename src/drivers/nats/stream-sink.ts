import { randomUUID } from 'node:crypto'
import { asSluiceError, SluiceError } from '../../core/errors.ts'
import type { Message } from '../../core/message.ts'
import type { Sink } from '../../core/ports.ts'
import { Batch } from '../../core/publish-batch.ts'
import { milliseconds } from '../../core/schema.ts'
import { abortable } from '../../core/waiting.ts'
import { Api } from './api.ts'
import { isSame, Turns } from './duplicates.ts'
import type { Link, OpenLink } from './link.ts'
import type { PublishAck } from './publish-ack.ts'
import { type Pending, Publisher } from './publisher.ts'
import { position, recall } from './recall.ts'
import type { SinkOptions } from './sink-options.ts'
import { ensureStream, findStream, type StreamInfo } from './streams.ts'
import { covers } from './subject.ts'
import { type Limits, STREAM_HEADERS, Targets, tooLarge } from './target.ts'

/** An open way into the stream: over when its connection is. */
interface Session {
  readonly link: OpenLink
  readonly api: Api
  readonly publisher: Publisher
  readonly limits: Limits
}

type Result = SluiceError | null

/** Publishes to a stream, pipelined, each message with its id. Opens anew at the first publish after a loss. */
export class StreamSink implements Sink {
  readonly #link: Link
  readonly #options: SinkOptions
  readonly #stream: string
  readonly #targets: Targets
  readonly #closing = new AbortController()
  readonly #doubts = new Turns()
  #session: Session | undefined
  #opening: Promise<Session> | undefined

  private constructor(link: Link, options: SinkOptions) {
    this.#link = link
    this.#options = options
    this.#stream = options.stream!
    this.#targets = new Targets(options)
  }

  /** Throws what the link and the stream throw; OPTIONS_INVALID, MESSAGE_REFUSED for a fixed subject that cannot be one. */
  static async open(link: Link, options: SinkOptions, signal: AbortSignal): Promise<StreamSink> {
    const sink = new StreamSink(link, options)
    try {
      await sink.#ready(signal)
      return sink
    } catch (error) {
      sink.#closing.abort()
      throw error
    }
  }

  async publish(messages: readonly Message[], signal: AbortSignal): Promise<readonly Result[]> {
    const batch = new Batch(messages.length)
    const closed = this.#closing.signal
    if (closed.aborted || signal.aborted) {
      batch.settleRest(new SluiceError('ABORTED', closed.aborted ? 'the sink is closed' : 'publishing was given up'))
      return batch.results as Result[]
    }
    const giveUp = () => batch.settleRest(new SluiceError('ABORTED', 'publishing was given up'))
    signal.addEventListener('abort', giveUp, { once: true })
    closed.addEventListener('abort', giveUp, { once: true })
    try {
      const session = await this.#ready(signal)
      for (let i = 0; i < messages.length; i++) {
        if (!session.publisher.hasRoom) await session.publisher.room(signal)
        this.#send(session, messages[i]!, batch, i)
      }
      await batch.done
    } catch (error) {
      batch.settleRest(signal.aborted ? new SluiceError('ABORTED', 'publishing was given up') : asSluiceError(error))
    } finally {
      signal.removeEventListener('abort', giveUp)
      closed.removeEventListener('abort', giveUp)
    }
    return batch.results as Result[]
  }

  async position(signal: AbortSignal): Promise<string> {
    const { api } = await this.#ready(signal)
    return position(api, this.#stream, signal)
  }

  async recall(since: string, header: string, signal: AbortSignal): Promise<ReadonlySet<string>> {
    const { api } = await this.#ready(signal)
    return recall(api, this.#stream, since, header, signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort(new SluiceError('ABORTED', 'the sink is closed'))
    await this.#opening?.catch(() => {})
    this.#session?.publisher.close()
  }

  #send({ publisher, limits }: Session, message: Message, batch: Batch, index: number, idSuffix = ''): void {
    try {
      const publication = this.#targets.of(message, idSuffix)
      const large = tooLarge(publication, limits)
      if (large !== undefined) batch.settle(index, large)
      else publisher.send(publication, batch, index)
    } catch (error) {
      batch.settle(index, asSluiceError(error, 'MESSAGE_REFUSED'))
    }
  }

  async #ready(signal: AbortSignal): Promise<Session> {
    if (this.#session !== undefined && this.#session.publisher.failure === undefined) return this.#session
    // One attempt for all callers; it ends with the sink, not with the first of them.
    this.#opening ??= this.#open(this.#closing.signal).finally(() => {
      this.#opening = undefined
    })
    return abortable(this.#opening, signal)
  }

  async #open(signal: AbortSignal): Promise<Session> {
    const link = await this.#link.open(signal)
    const api = new Api(link)
    const info = await ensureStream(api, this.#stream, this.#create(), signal)
    const { fixedSubject } = this.#targets
    if (fixedSubject !== undefined && !takes(info, fixedSubject)) throw this.#mismatch(info, fixedSubject)
    const { max_msg_size: limit = -1 } = info.config
    const publisher = new Publisher(link, {
      timeoutMs: milliseconds(this.#options.timeout ?? '10s'),
      acked: (ack, pending) => this.#acked(ack, pending),
      unheard: pending => this.#unheard(pending),
    })
    this.#session?.publisher.close()
    const total = limit > 0 ? Math.min(limit, link.maxPayload) : link.maxPayload
    this.#session = { link, api, publisher, limits: { total, headers: STREAM_HEADERS } }
    return this.#session
  }

  #create(): SinkOptions['create'] {
    const { create } = this.#options
    const { fixedSubject } = this.#targets
    if (create === undefined || create.subjects !== undefined || fixedSubject === undefined) return create
    return { ...create, subjects: [fixedSubject] }
  }

  #acked(ack: PublishAck, pending: Pending): Result | undefined {
    const { subject } = pending.publication
    if (ack.stream !== this.#stream)
      return new SluiceError(
        this.#targets.fixedSubject === undefined ? 'UNROUTABLE' : 'ADDRESS_MISMATCH',
        `the stream ${ack.stream} takes ${subject}, not ${this.#stream}`,
      )
    if (ack.duplicate !== true) return null
    this.#doubts.add(() => this.#doubt(ack, pending))
    return undefined
  }

  // What the stream calls a duplicate is one only if it is the same message; else it is published under an id of its own.
  async #doubt({ seq }: PublishAck, { publication, batch, index }: Pending): Promise<void> {
    try {
      const session = await this.#ready(this.#closing.signal)
      const same = await isSame(session.api, this.#stream, seq, publication, this.#closing.signal).catch(error => {
        // It is not there any more: whether it was the same cannot be told, and a copy is better than a loss.
        if (asSluiceError(error).scope === 'endpoint' && asSluiceError(error).fate === 'retry') throw error
        return false
      })
      if (same) return batch.settle(index, null)
      this.#send(session, publication.message, batch, index, `~${randomUUID().slice(0, 8)}`)
    } catch (error) {
      batch.settle(index, asSluiceError(error))
    }
  }

  #unheard({ publication, batch, index }: Pending): SluiceError | undefined {
    const { subject } = publication
    if (this.#targets.fixedSubject !== undefined)
      return new SluiceError(
        'ADDRESS_MISSING',
        `no stream takes ${subject}: ${this.#stream} is gone or has other subjects`,
      )
    void this.#explain(subject).then(error => batch.settle(index, error))
    return undefined
  }

  // With a subject that varies, one message may go astray while the stream is well.
  async #explain(subject: string): Promise<SluiceError> {
    const { signal } = this.#closing
    try {
      const { api } = await this.#ready(signal)
      const info = await findStream(api, this.#stream, signal)
      if (info === undefined) return new SluiceError('ADDRESS_MISSING', `the stream ${this.#stream} does not exist`)
      if (takes(info, subject))
        return new SluiceError('UNAVAILABLE', `the stream ${this.#stream} did not answer for ${subject}`)
      return this.#mismatch(info, subject, 'UNROUTABLE')
    } catch (error) {
      return asSluiceError(error)
    }
  }

  #mismatch({ config }: StreamInfo, subject: string, code: 'ADDRESS_MISMATCH' | 'UNROUTABLE' = 'ADDRESS_MISMATCH') {
    const subjects = (config.subjects ?? []).slice(0, 5).join(', ') || 'none'
    return new SluiceError(code, `the stream ${config.name} does not take ${subject}; its subjects: ${subjects}`, {
      hint: 'Add the subject to the stream, or correct `subject`.',
    })
  }
}

function takes({ config }: StreamInfo, subject: string): boolean {
  return (config.subjects ?? []).some(pattern => covers(pattern, subject))
}
