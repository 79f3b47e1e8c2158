import type { EndpointContext } from '../../core/ports.ts'
import { Api } from './api.ts'
import { type ConsumerInfo, ensureConsumer } from './consumers.ts'
import { giveBack } from './held.ts'
import type { OpenLink } from './link.ts'
import type { SourceOptions } from './source-options.ts'
import type { StreamMemory } from './stream-memory.ts'
import { ensureStream } from './streams.ts'

/** A consumer as a new session finds it. */
export interface OpenedConsumer {
  readonly info: ConsumerInfo
  /** Messages that an earlier session held and that come again at once. */
  readonly known: number
  /** Messages that a session which is gone may hold: they come again when their time is out. */
  readonly orphans: number
}

/**
 * The stream and its consumer, created where they are missing and may be. What the last session of this process is known to
 * have held is given back. Throws what the stream and the consumer throw.
 */
export async function openConsumer(
  link: OpenLink,
  options: SourceOptions,
  memory: StreamMemory,
  context: EndpointContext,
  signal: AbortSignal,
): Promise<OpenedConsumer> {
  const api = new Api(link)
  const { created } = await ensureStream(api, options.stream!, options.create, signal)
  const same = memory.created === created
  // A consumer that was deleted goes on where it was, as far as this process knows.
  const from = same && memory.floor !== undefined ? memory.floor + 1 : undefined
  const info = await ensureConsumer(api, options, context, from, signal)
  const known = same ? memory.unsettled : []
  memory.unsettled = []
  memory.created = created
  memory.floor = info.ack_floor.stream_seq
  // Anything more has to run out of time before it comes again, unless somebody else is at work on it.
  const orphans = info.num_waiting > 0 ? 0 : Math.max(0, info.num_ack_pending - known.length)
  // Together with those it would come in another order.
  if (orphans === 0) await giveBack(link, known, signal)
  return { info, known: known.length, orphans }
}
