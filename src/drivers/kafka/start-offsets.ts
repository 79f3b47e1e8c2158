import { SluiceError } from '../../core/errors.ts'
import type { CommitTopic, Group } from './kafkajs.ts'
import type { Start } from './source-settings.ts'

export interface StartOffset {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** What the commit carried beside the offset. */
  readonly metadata: string
  /** The group has no commit: as `from` says. */
  readonly chosen?: true
}

/** Reads what the group has committed; -1 = nothing. */
export type OffsetReader = (
  group: Group,
  partitions: readonly { readonly topic: string; readonly partition: number }[],
) => Promise<readonly StartOffset[]>

/** As committed at this moment. */
export const committedOffsets: OffsetReader = async (group, partitions) => {
  const topics = new Map<string, { partition: number }[]>()
  for (const { topic, partition } of partitions) topics.set(topic, [...(topics.get(topic) ?? []), { partition }])
  const request = [...topics].map(([topic, list]) => ({ topic, partitions: list }))
  const { responses } = await group.coordinator.offsetFetch({ groupId: group.groupId, topics: request })
  return responses.flatMap(({ topic, partitions: found }) =>
    found.map(({ partition, offset, metadata }) => ({
      topic,
      partition,
      offset: Number(offset),
      metadata: metadata ?? '',
    })),
  )
}

/**
 * Where each assigned partition begins: the group's committed offset; where there is none, as `from` says. The caller
 * commits it at once, so that a restart before the first ack begins at the same place ("latest" would lose what came
 * between).
 */
export async function startOffsets(group: Group, from: Start, read: OffsetReader): Promise<readonly StartOffset[]> {
  const assigned = group
    .assigned()
    .flatMap(({ topic, partitions }) => partitions.map(partition => ({ topic, partition })))
  if (assigned.length === 0) return []
  const found: StartOffset[] = []
  const missing = new Map<string, number[]>()
  for (const one of await read(group, assigned)) {
    if (one.offset >= 0) found.push(one)
    else missing.set(one.topic, [...(missing.get(one.topic) ?? []), one.partition])
  }
  if (missing.size === 0) return found
  if (from === 'committed') {
    const places = [...missing].map(([topic, partitions]) => `${topic}/${partitions.join(',')}`).join(' ')
    throw new SluiceError('OPTIONS_INVALID', `group ${group.groupId} has committed nothing for ${places}`, {
      hint: '`from: committed` begins only where the group has an offset; use earliest, latest or a timestamp.',
    })
  }
  return [...found, ...(await choose(group, missing, from))]
}

async function choose(group: Group, missing: ReadonlyMap<string, number[]>, from: Start): Promise<StartOffset[]> {
  const policy = typeof from === 'object' ? { fromTimestamp: from.timestamp } : { fromBeginning: from !== 'latest' }
  const wanted = [...missing].map(([topic, list]) => ({ topic, partitions: list.map(partition => ({ partition })) }))
  const answer = await group.cluster.fetchTopicsOffset(wanted.map(one => ({ ...one, ...policy })))
  const chosen = answer.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition, offset }) => ({
      topic,
      partition,
      offset: Number(offset),
      metadata: '',
      chosen: true as const,
    })),
  )
  // A timestamp after the last record has no offset: that is the end.
  if (chosen.every(({ offset }) => offset >= 0)) return chosen
  const ends = await group.cluster.fetchTopicsOffset(wanted.map(one => ({ ...one, fromBeginning: false })))
  return chosen.map(one => {
    if (one.offset >= 0) return one
    const end = ends.find(({ topic }) => topic === one.topic)?.partitions.find(p => p.partition === one.partition)
    return { ...one, offset: Number(end?.offset ?? 0) }
  })
}

/** Offsets in the shape of a commit. */
export function commitTopics(
  offsets: readonly {
    readonly topic: string
    readonly partition: number
    readonly offset: number
    readonly metadata?: string
  }[],
): CommitTopic[] {
  const topics = new Map<string, { partition: number; offset: string; metadata: string }[]>()
  for (const { topic, partition, offset, metadata } of offsets) {
    const entry = { partition, offset: String(offset), metadata: metadata ?? '' }
    const list = topics.get(topic)
    if (list === undefined) topics.set(topic, [entry])
    else list.push(entry)
  }
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }))
}
