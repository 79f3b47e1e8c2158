import { compress } from './compress.ts'
import type { Batch, PartitionQueue } from './partition-queue.ts'
import type { PartitionBatch, ProduceTopics } from './produce.ts'
import type { Identity } from './producer-identity.ts'
import { BATCH_HEAD, type Compression, encodeRecords, writeHead } from './record-batch.ts'

export interface BatchOptions {
  readonly compression: Compression
  /** Most bytes of one batch, unless one record alone is larger. */
  readonly maxBatchBytes: number
  /** Batches are part of a transaction. Default: no. */
  readonly transactional?: boolean
}

/** A batch of what waits in the queue, undefined when nothing does. When it throws, everything waits again. */
export async function makeBatch(
  queue: PartitionQueue,
  { compression, maxBatchBytes, transactional }: BatchOptions,
  identify: () => Promise<Identity>,
): Promise<Batch | undefined> {
  const records = queue.take(Math.min(maxBatchBytes, queue.topic.maxMessageBytes) - BATCH_HEAD)
  if (records.length === 0) return undefined
  try {
    const identity = await identify()
    const encoded = encodeRecords(records)
    const bytes = compression === 'none' ? encoded : await compress(encoded, compression)
    const baseSequence = queue.sequenceFor(identity)
    writeHead(bytes, records, { ...identity, baseSequence, compression, transactional })
    return { records, bytes, identity, baseSequence }
  } catch (error) {
    queue.putBack(records)
    throw error
  }
}

/** The queues' batches as a request wants them. */
export function byTopic(queues: readonly PartitionQueue[]): ProduceTopics {
  const topics = new Map<string, PartitionBatch[]>()
  for (const { topic, partition, batch } of queues) {
    const entry = { partition, bytes: batch!.bytes }
    const list = topics.get(topic.name)
    if (list === undefined) topics.set(topic.name, [entry])
    else list.push(entry)
  }
  return [...topics].map(([topic, batches]) => ({ topic, batches }))
}
