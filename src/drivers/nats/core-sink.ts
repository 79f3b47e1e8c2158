import { asSluiceError, SluiceError } from '../../core/errors.ts'
import type { Message } from '../../core/message.ts'
import type { Sink } from '../../core/ports.ts'
import { Batch } from '../../core/publish-batch.ts'
import { milliseconds } from '../../core/schema.ts'
import { abortable } from '../../core/waiting.ts'
import type { Link, LinkListener, OpenLink } from './link.ts'
import { headersOf } from './publish-headers.ts'
import type { SinkOptions } from './sink-options.ts'
import { Targets, tooLarge } from './target.ts'

const CHUNK_BYTES = 8 * 2 ** 20

type Result = SluiceError | null

/**
 * Publishes to core NATS. A message counts as delivered once the server has it, which a round trip behind it proves; who
 * gets it from there, if anybody, NATS does not tell.
 */
export class CoreSink implements Sink {
  readonly #link: Link
  readonly #targets: Targets
  readonly #timeoutMs: number
  readonly #closing = new AbortController()

  private constructor(link: Link, options: SinkOptions, targets: Targets) {
    this.#link = link
    this.#targets = targets
    this.#timeoutMs = milliseconds(options.timeout ?? '10s')
  }

  /** Throws what the link throws; OPTIONS_INVALID, MESSAGE_REFUSED for a fixed subject that cannot be one. */
  static async open(
    link: Link,
    options: SinkOptions,
    signal: AbortSignal,
    targets = new Targets(options),
  ): Promise<CoreSink> {
    const sink = new CoreSink(link, options, targets)
    await link.open(signal)
    return sink
  }

  async publish(messages: readonly Message[], signal: AbortSignal): Promise<readonly Result[]> {
    const batch = new Batch(messages.length)
    const closed = this.#closing.signal
    const over = AbortSignal.any([signal, closed])
    const giveUp = () =>
      batch.settleRest(new SluiceError('ABORTED', closed.aborted ? 'the sink is closed' : 'publishing was given up'))
    if (over.aborted) {
      giveUp()
      return batch.results as Result[]
    }
    over.addEventListener('abort', giveUp, { once: true })
    try {
      const link = await this.#link.open(over)
      await this.#send(link, messages, batch, over)
    } catch (error) {
      if (over.aborted) giveUp()
      else batch.settleRest(asSluiceError(error))
    } finally {
      over.removeEventListener('abort', giveUp)
    }
    return batch.results as Result[]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new SluiceError('ABORTED', 'the sink is closed'))
  }

  async #send(link: OpenLink, messages: readonly Message[], batch: Batch, signal: AbortSignal): Promise<void> {
    const denied = new Map<string, SluiceError>()
    const listener: LinkListener = {
      onLost: () => {},
      onDenied: (operation, subject, error) => {
        if (operation === 'publish') denied.set(subject, error)
      },
    }
    link.listen(listener)
    try {
      const sent: { readonly index: number; readonly subject: string }[] = []
      let bytes = 0
      for (const [index, message] of messages.entries()) {
        try {
          const publication = this.#targets.of(message)
          const { subject, reply, block, body } = publication
          const large = tooLarge(publication, { total: link.maxPayload, headers: link.maxPayload })
          if (large !== undefined) {
            batch.settle(index, large)
            continue
          }
          const headers = headersOf(block)
          link.nc.publish(subject, body, headers === undefined ? { reply } : { reply, headers })
          sent.push({ index, subject })
          bytes += block.length + body.length
        } catch (error) {
          if (link.lost !== undefined) throw link.lost
          batch.settle(index, asSluiceError(error, 'MESSAGE_REFUSED'))
        }
        // Invariant 6: no more than this waits for the server.
        if (bytes < CHUNK_BYTES) continue
        bytes = 0
        await this.#confirm(link, signal)
      }
      await this.#confirm(link, signal)
      // A refusal is told in an event of its own, right behind the answer.
      await Promise.resolve()
      for (const { index, subject } of sent) batch.settle(index, denied.get(subject) ?? null)
    } finally {
      link.unlisten(listener)
    }
  }

  async #confirm(link: OpenLink, signal: AbortSignal): Promise<void> {
    const timeout = AbortSignal.timeout(this.#timeoutMs)
    try {
      await abortable(link.flush(signal), timeout)
    } catch (error) {
      if (timeout.aborted && !signal.aborted)
        throw new SluiceError('TIMED_OUT', `the server did not answer within ${this.#timeoutMs} ms`)
      throw error
    }
  }
}
