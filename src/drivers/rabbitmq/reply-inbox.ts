import type { Message } from '../../core/message.ts'
import type { EndpointContext } from '../../core/ports.ts'
import { answering, asking } from '../../core/reply-addressing.ts'
import type { InboxOptions, Reply, ReplyInbox } from '../../core/reply-ports.ts'
import type { Link } from './link.ts'
import { RabbitSource, type SourcePlace } from './source.ts'
import { deleteQueue } from './topology.ts'
import { newMemory } from './vacancy.ts'

const CLOSE_MS = 3_000
const DEFAULT_NAME = 'sluice.reply'
/** Shortest life of an inbox that nobody reads, in ms: a gateway that was cut off for a while finds its answers there. */
const SHORTEST_LIFE = 300_000

export type InboxPlace = Omit<SourcePlace, 'memory'>

/**
 * A queue of its own. Not an exclusive one, nor `amq.rabbitmq.reply-to`: those end with their connection, and with them every
 * answer that is on its way. It ends when we leave, or by `x-expires` when we cannot.
 */
export class RabbitInbox implements ReplyInbox {
  readonly #queue: string
  readonly #link: Link
  readonly #source: RabbitSource
  #lost = false

  private constructor(queue: string, link: Link, source: RabbitSource) {
    this.#queue = queue
    this.#link = link
    this.#source = source
  }

  static async open(
    at: InboxPlace,
    link: Link,
    options: InboxOptions,
    context: EndpointContext,
    signal: AbortSignal,
  ): Promise<RabbitInbox> {
    const queue = `${options.address ?? DEFAULT_NAME}.${options.name}`
    const life = Math.max(SHORTEST_LIFE, 2 * options.timeoutMs)
    // No two sessions need an order between them: there is nothing to remember.
    const memory = newMemory()
    const declaration = { queue, type: 'classic' as const, arguments: { 'x-expires': life } }
    return new RabbitInbox(queue, link, await RabbitSource.open({ ...at, memory }, link, declaration, context, signal))
  }

  ask(request: Message, correlation: string): Message {
    return asking(request, this.#queue, correlation)
  }

  async *receive(signal: AbortSignal): AsyncIterable<readonly Reply[]> {
    try {
      for await (const batch of this.#source.receive(signal)) {
        for (const delivery of batch) delivery.ack()
        yield batch.map(({ message }) => ({
          correlation: message.properties.correlationId ?? '',
          message: answering(message, undefined),
        }))
      }
    } catch (error) {
      this.#lost = true
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source[Symbol.asyncDispose]()
    if (this.#lost) return
    const signal = AbortSignal.timeout(CLOSE_MS)
    try {
      await deleteQueue(await this.#link.open(signal), this.#queue, signal)
    } catch {
      // It expires by itself.
    }
  }
}
