import { setTimeout as sleep } from 'node:timers/promises'
import { SluiceError } from '../../core/errors.ts'
import type { EndpointContext } from '../../core/ports.ts'
import type { OpenLink } from './link.ts'
import { countQueue, type QueueCounts } from './topology.ts'

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
  /** That session held messages that were not settled. */
  held: boolean
}

export const newMemory = (): SessionMemory => ({
  next: undefined,
  others: 0,
  live: 0,
  consumed: false,
  unclean: false,
  held: false,
})

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
 * A consumer on a node of a cluster that went down is counted until that node is back, although what it held is back long
 * before: the wait lasts its longest then.
 */
export async function awaitVacancy(link: OpenLink, options: VacancyOptions, signal: AbortSignal): Promise<void> {
  const { queue, memory, patienceMs, status } = options
  const until = performance.now() + (memory.unclean ? patienceMs : BRIEF_MS)
  let waiting = false
  let counts = await countQueue(link, queue, signal)
  while (!isVacant(counts, memory) && performance.now() < until) {
    if (memory.unclean && !waiting) status('waiting', `for the broker to let go of the lost session on ${queue}`)
    waiting ||= memory.unclean
    await pause(signal)
    counts = await countQueue(link, queue, signal)
  }
  if (waiting) status('ok')
  // Who was waited for in vain is no other gateway.
  if (!memory.unclean || isVacant(counts, memory)) sawConsumers(memory, counts)
  memory.unclean = memory.held = false
}

function isVacant({ consumers, messages }: QueueCounts, { others, live, held }: SessionMemory): boolean {
  // A quorum queue without a leader says that it has neither consumers nor messages (4.0). What we held has to come back first.
  if (held && consumers === 0 && messages === 0) return false
  return consumers <= others + live
}

/** Others come and go while we consume. */
export function sawConsumers(memory: SessionMemory, { consumers }: QueueCounts): void {
  memory.others = Math.max(0, consumers - memory.live)
}

async function pause(signal: AbortSignal): Promise<void> {
  try {
    await sleep(POLL_MS, undefined, { signal })
  } catch {
    throw new SluiceError('ABORTED', 'the work was given up')
  }
}
