import type { Channel } from 'amqplib'
import { aborting } from '../../core/waiting.ts'
import { translate } from './errors.ts'
import type { OpenLink } from './link.ts'

/** Runs requests on a channel of their own: a refused one closes its channel, and nothing else must go with it. */
export async function onScratch<T>(
  link: OpenLink,
  signal: AbortSignal,
  work: (channel: Channel) => Promise<T>,
): Promise<T> {
  const channel = await aborting(open(link), signal)
  let closed = false
  channel.on('error', () => {})
  channel.on('close', () => {
    closed = true
  })
  try {
    return await aborting(work(channel), signal)
  } catch (error) {
    throw signal.aborted ? error : (link.lost ?? error)
  } finally {
    if (!closed) channel.close().catch(() => {})
  }
}

async function open(link: OpenLink): Promise<Channel> {
  try {
    return await link.model.createChannel()
  } catch (error) {
    throw link.lost ?? translate(error, 'opening a channel')
  }
}
