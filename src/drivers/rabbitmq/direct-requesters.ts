import type { Channel } from 'amqplib'
import { aborting } from '../../core/waiting.ts'
import { replyCode, translate } from './errors.ts'
import type { Link } from './link.ts'

/** Addresses of RabbitMQ's direct reply-to: no queues, but a way to one consumer's channel. */
const DIRECT = 'amq.rabbitmq.reply-to.'

export const isDirect = (address: string): boolean => address.startsWith(DIRECT)

/**
 * Whether those who consume direct replies are still there. The broker returns a mandatory message to such an address as
 * unroutable even when it delivers it (measured on 3.10 and 4.0), so it is asked instead: a passive declaration of the
 * address succeeds while its consumer lives.
 */
export class DirectRequesters {
  readonly #link: Link
  #channel: Channel | undefined
  #last: Promise<unknown> = Promise.resolve()

  constructor(link: Link) {
    this.#link = link
  }

  /** Those of the addresses that nobody consumes any more. Throws CHANNEL_LOST, CONNECTION_LOST, ABORTED. */
  gone(addresses: ReadonlySet<string>, signal: AbortSignal): Promise<ReadonlySet<string>> {
    // One after the other: a refusal costs the channel, and with it every question that is on its way.
    const asked = this.#last.then(() => this.#ask(addresses, signal))
    this.#last = asked.catch(() => {})
    return asked
  }

  async #ask(addresses: ReadonlySet<string>, signal: AbortSignal): Promise<ReadonlySet<string>> {
    const gone = new Set<string>()
    for (const address of addresses) {
      const channel = (this.#channel ??= await this.#open(signal))
      try {
        await aborting(channel.checkQueue(address), signal)
      } catch (error) {
        this.#channel = undefined
        if (signal.aborted) throw error
        const code = replyCode(error)
        if (code === 404) gone.add(address)
        // Who may not ask may still answer.
        else if (code !== 403) throw translate(error, 'asking for a requester', 'CHANNEL_LOST')
      }
    }
    return gone
  }

  async #open(signal: AbortSignal): Promise<Channel> {
    const link = await this.#link.open(signal)
    let channel: Channel
    try {
      channel = await aborting(link.model.createChannel(), signal)
    } catch (error) {
      throw link.lost ?? translate(error, 'channel for direct replies', 'CHANNEL_LOST')
    }
    channel.on('error', () => {})
    channel.on('close', () => {
      if (this.#channel === channel) this.#channel = undefined
    })
    return channel
  }

  async close(signal: AbortSignal): Promise<void> {
    const channel = this.#channel
    this.#channel = undefined
    if (channel !== undefined) await aborting(channel.close(), signal).catch(() => {})
  }
}
