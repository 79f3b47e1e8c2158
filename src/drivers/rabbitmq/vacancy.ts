import { setTimeout as sleep } from 'node:timers/promises'
import { SluiceError } from '../../core/errors.ts'
import type { EndpointContext } from '../../core/ports.ts'
import { translate } from './errors.ts'
import type { OpenLink } from './link.ts'
import { onScratch } from './scratch.ts'

const POLL_MS = 25
/** Where nothing says that the other consumers are not simply other gateways. */
const BRIEF_MS = 500

/** What a connection remembers of a route's last session on a queue, for as long as the process runs. */
export interface SessionMemory {
  /** Offset after the last one settled without a gap, of a stream. */
  next: number | undefined
  /** Consumers that were there beside ours. */
  others: number
  /** Sessions of ours that consume now. */
  live: number
  /** A session of ours has consumed before. */
  consumed: boolean
  /** A session ended without the broker having said so: it may still hold what was delivered. */
  unclean: boolean
}

export interface VacancyOptions {
  readonly queue: string
  readonly memory: SessionMemory
  /** How long the broker may need to notice that a connection is gone. */
  readonly patienceMs: number
  readonly status: EndpointContext['status']
}

/**
 * Waits until the broker has let go of our last session on the queue. Until then it holds what that session was delivered,
 * and a new consumer would get what comes after: the order of a key would be lost. How many consumers there are is all that
 * AMQP tells; with other gateways on the queue the wait is a best effort (there, only a single active consumer keeps order).
 */
export async function awaitVacancy(link: OpenLink, options: VacancyOptions, signal: AbortSignal): Promise<void> {
  const { queue, memory, patienceMs, status } = options
  const until = performance.now() + (memory.unclean ? patienceMs : BRIEF_MS)
  let waiting = false
  let count = await consumers(link, queue, signal)
  while (count > memory.others + memory.live && performance.now() < until) {
    if (memory.unclean && !waiting) status('waiting', `for the broker to let go of the lost session on ${queue}`)
    waiting ||= memory.unclean
    await pause(signal)
    count = await consumers(link, queue, signal)
  }
  if (waiting) status('ok')
  memory.others = Math.max(0, count - memory.live)
  memory.unclean = false
}

async function pause(signal: AbortSignal): Promise<void> {
  try {
    await sleep(POLL_MS, undefined, { signal })
  } catch {
    throw new SluiceError('ABORTED', 'the work was given up')
  }
}

async function consumers(link: OpenLink, queue: string, signal: AbortSignal): Promise<number> {
  try {
    return (await onScratch(link, signal, channel => channel.checkQueue(queue))).consumerCount
  } catch (error) {
    throw translate(error, `queue "${queue}"`, 'UNAVAILABLE')
  }
}
