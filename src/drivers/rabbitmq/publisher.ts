import type { Channel } from 'amqplib'
import { describe, SluiceError } from '../../core/errors.ts'
import type { Batch } from '../../core/publish-batch.ts'
import { aborting } from '../../core/waiting.ts'
import { type Content, type ContentListener, ContentReader } from './content-reader.ts'
import { replyCode, translate } from './errors.ts'
import type { OpenLink } from './link.ts'
import { type Pending, PendingTable } from './pending.ts'
import { type Publication, PublishFrames } from './publish-frames.ts'
import { Returns } from './returns.ts'

/** Chunks (of up to 64 KiB) that may wait for the socket. */
const WRITE_AHEAD = 16

export interface PublisherSettings {
  readonly timeoutMs: number
  readonly maxUnconfirmed: number
  /** The error for a message that no queue is bound for. */
  unroutable(exchange: string, routingKey: string, reason: string): SluiceError
}

/** One confirm channel and what is unconfirmed on it. Once it fails it stays failed, and nothing is left without a result. */
export class Publisher implements ContentListener {
  readonly #link: OpenLink
  readonly #channel: Channel
  readonly #settings: PublisherSettings
  readonly #pending = new PendingTable()
  readonly #returns = new Returns(this.#pending)
  readonly #frames: PublishFrames
  readonly #write: (chunk: Buffer) => void
  readonly #detach: () => void
  #writable = true
  #room: PromiseWithResolvers<void> | undefined
  #failure: SluiceError | undefined
  #reason: unknown
  #timer: NodeJS.Timeout | undefined

  private constructor(link: OpenLink, channel: Channel, settings: PublisherSettings) {
    this.#link = link
    this.#channel = channel
    this.#settings = settings
    const number = (channel as unknown as { ch: number }).ch
    this.#frames = new PublishFrames(number, link.wire.frameMax)
    this.#write = chunk => {
      this.#writable = link.wire.write(number, chunk)
    }
    const reader = new ContentReader(this)
    link.wire.attach(number, reader)
    this.#detach = () => link.wire.detach(number, reader)
    channel.on('drain', () => {
      this.#writable = true
      this.#wake()
    })
    channel.on('error', error => {
      this.#reason ??= error
    })
    channel.on('close', () => this.#closed())
  }

  static async open(link: OpenLink, settings: PublisherSettings, signal: AbortSignal): Promise<Publisher> {
    try {
      const options = { highWaterMark: WRITE_AHEAD } as unknown as Parameters<typeof link.model.createConfirmChannel>[0]
      return new Publisher(link, await aborting(link.model.createConfirmChannel(options), signal), settings)
    } catch (error) {
      throw link.lost ?? translate(error, 'channel for publishing')
    }
  }

  /** Why it ended, or undefined while it can publish. */
  get failure(): SluiceError | undefined {
    return this.#failure
  }

  /** The reply code that may be the fault of one message: the broker ends the channel, or all, and will not say which. */
  get blame(): number | undefined {
    const cause = this.#reason ?? this.#link.lost?.cause
    const code = replyCode(cause)
    const topicRefused = code === 403 && /topic/i.test(describe(cause))
    return code === 406 || code === 311 || code === 541 || code === 501 || topicRefused ? code : undefined
  }

  /** Resolves when another message may be sent, or the publisher has failed. */
  async room(signal: AbortSignal): Promise<void> {
    while (this.#failure === undefined && !this.hasRoom) {
      this.#room ??= Promise.withResolvers<void>()
      await aborting(this.#room.promise, signal)
    }
  }

  get hasRoom(): boolean {
    return this.#writable && this.#pending.size < this.#settings.maxUnconfirmed
  }

  /** Sends a message (at the latest with `flush`) and settles its slot in the batch when the broker has answered. */
  send(publication: Publication, batch: Batch, index: number): void {
    if (this.#failure !== undefined) return batch.settle(index, this.#failure)
    try {
      this.#frames.add(publication, this.#write)
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error
      return batch.settle(index, error)
    }
    this.#pending.add({ publication, batch, index, at: performance.now(), returned: undefined })
    this.#timer ??= setTimeout(() => this.#checkTime(), this.#settings.timeoutMs)
  }

  flush(): void {
    if (this.#failure === undefined) this.#frames.flush(this.#write)
  }

  onConfirm(number: number, multiple: boolean, ok: boolean): void {
    this.#pending.confirm(number, multiple, pending => settle(pending, ok))
    if (this.hasRoom) this.#wake()
  }

  onReturn(content: Content, exchange: string, _code: number, reason: string): void {
    const pending = this.#returns.match(content, exchange)
    if (pending !== undefined) pending.returned = this.#settings.unroutable(exchange, content.routingKey, reason)
    // Invariant 8: a return that cannot be told apart must not be lost: everything unconfirmed is tried again.
    else this.fail(new SluiceError('CHANNEL_LOST', 'the broker returned a message that was not recognised'))
  }

  #checkTime(): void {
    this.#timer = undefined
    const { oldest } = this.#pending
    if (oldest === undefined || this.#failure !== undefined) return
    const { timeoutMs } = this.#settings
    const { blocked, unblockedAt } = this.#link
    const left = blocked ? timeoutMs : Math.max(oldest.at, unblockedAt) + timeoutMs - performance.now()
    if (left > 0) this.#timer = setTimeout(() => this.#checkTime(), left)
    // The channel is given up, so that a confirm that still comes cannot be taken for another message's.
    else this.fail(new SluiceError('TIMED_OUT', `no confirm within ${timeoutMs} ms`))
  }

  /** Gives every unconfirmed message this result and closes the channel. */
  fail(error: SluiceError): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#end()
    try {
      this.#channel.close().catch(() => {})
    } catch {
      // It is closed already.
    }
  }

  #closed(): void {
    this.#detach()
    // The connection tells why it ended just after its channels.
    queueMicrotask(() => {
      const reason = this.#reason ?? this.#link.lost ?? new Error('the channel was closed')
      this.#failure ??= translate(reason, 'publishing', 'CHANNEL_LOST')
      this.#end()
    })
  }

  #end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const failure = this.#failure!
    this.#pending.drain(({ batch, index, returned }) => batch.settle(index, returned ?? failure))
    this.#wake()
  }

  #wake(): void {
    this.#room?.resolve()
    this.#room = undefined
  }

  /** Closes the channel; what is unconfirmed gets ABORTED. */
  async close(signal: AbortSignal): Promise<void> {
    if (this.#failure !== undefined) return
    this.#failure = new SluiceError('ABORTED', 'the sink is closed')
    await aborting(this.#channel.close(), signal).catch(() => {})
    this.#end()
  }
}

function settle({ batch, index, returned }: Pending, ok: boolean): void {
  if (returned !== undefined) batch.settle(index, returned)
  else batch.settle(index, ok ? null : new SluiceError('NACKED', 'the broker refused to store the message'))
}
