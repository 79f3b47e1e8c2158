import { abortable } from '../../core/waiting.ts'
import type { OpenLink } from './link.ts'
import type { StreamDelivery } from './stream-delivery.ts'

const ACK = Buffer.from('+ACK')
const IN_PROGRESS = Buffer.from('+WPI')
const NAK = Buffer.from('-NAK')
const NANOS = 1e6

/** Deliveries of one session that are not settled, by sequence, and what the server is told about them. */
export class Held {
  readonly #link: OpenLink
  readonly #bySequence = new Map<number, StreamDelivery>()
  #bytes = 0

  constructor(link: OpenLink) {
    this.#link = link
  }

  get size(): number {
    return this.#bySequence.size
  }

  get bytes(): number {
    return this.#bytes
  }

  get(sequence: number): StreamDelivery | undefined {
    return this.#bySequence.get(sequence)
  }

  add(delivery: StreamDelivery): void {
    this.#bySequence.set(delivery.sequence, delivery)
    this.#bytes += delivery.size
  }

  ack(delivery: StreamDelivery): void {
    this.#remove(delivery)
    this.#tell(delivery.reply, ACK)
  }

  /** Comes again, not before `delayMs`. */
  release(delivery: StreamDelivery, delayMs: number): void {
    this.#remove(delivery)
    const delay = Math.round(delayMs * NANOS)
    this.#tell(delivery.reply, delay > 0 ? Buffer.from(`-NAK {"delay": ${delay}}`) : NAK)
  }

  /** Asks for more time for what has been held for `ms`: a message that is held is not delivered again. */
  keep(ms: number): void {
    const now = performance.now()
    for (const delivery of this.#bySequence.values()) {
      if (now - delivery.touched < ms) continue
      delivery.touched = now
      this.#tell(delivery.reply, IN_PROGRESS)
    }
  }

  /** Subjects of the acks that are still awaited, oldest first. */
  replies(): readonly string[] {
    return [...this.#bySequence.values()].sort((a, b) => a.sequence - b.sequence).map(({ reply }) => reply)
  }

  #remove(delivery: StreamDelivery): void {
    if (this.#bySequence.delete(delivery.sequence)) this.#bytes -= delivery.size
  }

  #tell(reply: string, what: Buffer): void {
    if (this.#link.lost === undefined) this.#link.nc.publish(reply, what)
  }
}

/**
 * Gives back what a session held, by the subjects of its acks. Oldest first: so the server delivers it again in its order and before
 * anything newer. Resolves when the server has dealt with it: it reads acks and requests for more side by side, and one that
 * overtook these would be answered with newer messages. A server that does not answer is not waited for: it says so at the next
 * request.
 */
export async function giveBack(link: OpenLink, replies: readonly string[], signal: AbortSignal): Promise<void> {
  const last = replies.at(-1)
  if (last === undefined) return
  for (const reply of replies.slice(0, -1)) link.nc.publish(reply, NAK)
  const answer = link.nc.request(last, NAK, { timeout: link.settings.requestTimeoutMs })
  await abortable(answer, signal).catch(() => signal.throwIfAborted())
}
