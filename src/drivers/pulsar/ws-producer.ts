import type { RawData } from 'ws'
import { SluiceError } from '../../core/errors.ts'
import type { Address } from './address.ts'
import { codeOfText } from './errors.ts'
import { printTopic, type TopicName, topicPath } from './topic-name.ts'
import type { Compression, LinkListener, Outgoing, Prepared, ProducerLink, ProducerSettings } from './transport.ts'
import { dial } from './ws-dial.ts'
import { WsLink } from './ws-link.ts'

const COMPRESSIONS: Readonly<Record<Exclude<Compression, 'none'>, string>> = {
  lz4: 'LZ4',
  zlib: 'ZLIB',
  zstd: 'ZSTD',
  snappy: 'SNAPPY',
}

/** The broker's client library gives up first; this is for a broker that no longer answers at all. */
const LATE_MS = 5_000

interface Pending {
  readonly done: (error: SluiceError | null) => void
  readonly size: number
  readonly deadline: number
}

/** A producer on one topic. Messages are confirmed one by one, in any order, by the context they were sent with. */
export class WsProducer implements ProducerLink {
  readonly #link: WsLink
  readonly #topic: TopicName
  readonly #timeoutMs: number
  readonly #pending = new Map<string, Pending>()
  readonly #watch: NodeJS.Timeout
  #next = 0
  #failure: SluiceError | undefined

  private constructor(link: (listener: LinkListener) => WsLink, settings: ProducerSettings, listener: LinkListener) {
    this.#topic = settings.topic
    this.#timeoutMs = settings.timeoutMs + LATE_MS
    this.#watch = setInterval(() => this.#expire(), 1_000)
    this.#link = link({
      lost: error => {
        this.#end(error)
        listener.lost(this.#failure!)
      },
    })
  }

  static async open(
    address: Address,
    settings: ProducerSettings,
    listener: LinkListener,
    signal: AbortSignal,
  ): Promise<WsProducer> {
    const what = `the producer of ${printTopic(settings.topic)}`
    const dialled = await dial(address, producerPath(settings), what, signal)
    const producer = new WsProducer(own => new WsLink(dialled, what, address.heartbeatMs, own), settings, listener)
    dialled.socket.on('message', data => producer.#onFrame(data))
    return producer
  }

  prepare(message: Outgoing): Prepared {
    const context = (this.#next++).toString(36)
    const frame = JSON.stringify({
      context,
      payload: message.payload.toString('base64'),
      properties: message.properties,
      ...(message.key === undefined ? {} : { key: message.key }),
      ...(message.eventTime === undefined ? {} : { eventTime: new Date(message.eventTime).toISOString() }),
      ...(message.replicateTo === undefined ? {} : { replicationClusters: message.replicateTo }),
    })
    const size = Buffer.byteLength(frame)
    return {
      size,
      send: done => {
        if (this.#failure !== undefined) return void queueMicrotask(() => done(this.#failure!))
        this.#pending.set(context, { done, size, deadline: performance.now() + this.#timeoutMs })
        this.#link.send(frame)
      },
    }
  }

  #onFrame(data: RawData): void {
    const answer = parseAnswer(String(data))
    if (answer === undefined)
      return this.#link.fail(
        new SluiceError('PROTOCOL_MISMATCH', `${printTopic(this.#topic)}: what was received is no answer of Pulsar`),
      )
    const pending = this.#pending.get(answer.context)
    if (pending === undefined) return
    this.#pending.delete(answer.context)
    pending.done(answer.error === undefined ? null : this.#refusal(answer.error))
  }

  #refusal(text: string): SluiceError {
    return new SluiceError(codeOfText(text) ?? 'NACKED', `${printTopic(this.#topic)}: ${text.slice(0, 300)}`)
  }

  #expire(): void {
    const [oldest] = this.#pending.values()
    if (oldest === undefined || oldest.deadline > performance.now()) return
    this.#link.fail(new SluiceError('TIMED_OUT', `${printTopic(this.#topic)}: no answer within ${this.#timeoutMs} ms`))
  }

  #end(error: SluiceError): void {
    clearInterval(this.#watch)
    // The broker ends the connection over a frame that is too large without saying which: the largest that it did not
    // confirm certainly was.
    const culprit = error.code === 'TOO_LARGE' ? largest(this.#pending.values()) : undefined
    this.#failure =
      error.code === 'TOO_LARGE'
        ? new SluiceError('CONNECTION_LOST', `${printTopic(this.#topic)}: the connection ended over another message`)
        : error
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    for (const one of pending) one.done(one === culprit ? error : this.#failure)
  }

  async close(signal: AbortSignal): Promise<void> {
    clearInterval(this.#watch)
    await this.#link.close(signal)
    this.#end(new SluiceError('ABORTED', 'the sink is closed'))
  }
}

function largest(pending: Iterable<Pending>): Pending | undefined {
  let found: Pending | undefined
  for (const one of pending) if (found === undefined || one.size > found.size) found = one
  return found
}

function producerPath(settings: ProducerSettings): string {
  const query = new URLSearchParams({
    sendTimeoutMillis: String(settings.timeoutMs),
    maxPendingMessages: String(settings.maxPending),
    batchingEnabled: String(settings.batching ?? false),
  })
  if (settings.compression !== 'none') query.set('compressionType', COMPRESSIONS[settings.compression])
  if (settings.producerName !== undefined) query.set('producerName', settings.producerName)
  return `/producer/${topicPath(settings.topic)}?${query}`
}

/** What the broker says to one message; undefined for anything else. */
export function parseAnswer(
  text: string,
): { readonly context: string; readonly error: string | undefined } | undefined {
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof answer !== 'object' || answer === null) return undefined
  const { result, context, errorMsg } = answer as Record<string, unknown>
  if (typeof result !== 'string' || typeof context !== 'string') return undefined
  if (result === 'ok') return { context, error: undefined }
  return { context, error: typeof errorMsg === 'string' && errorMsg !== '' ? errorMsg : result }
}
