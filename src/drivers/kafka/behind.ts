import { abortable } from '../../core/waiting.ts'
import type { Group } from './kafkajs.ts'
import type { Tenure } from './tenure.ts'

/** Records of the partitions held that were not taken over yet; undefined when the broker does not say. */
export async function behind(
  group: Group,
  tenures: Iterable<Tenure>,
  signal: AbortSignal,
): Promise<number | undefined> {
  const held = [...tenures]
  const topics = [...new Set(held.map(({ topic }) => topic))].map(topic => ({
    topic,
    partitions: held.filter(tenure => tenure.topic === topic).map(({ partition }) => ({ partition })),
    fromBeginning: false,
  }))
  try {
    const ends = await abortable(group.cluster.fetchTopicsOffset(topics), signal)
    const end = new Map(
      ends.flatMap(({ topic, partitions }) => partitions.map(p => [`${topic}/${p.partition}`, Number(p.offset)])),
    )
    return held.reduce((sum, { sequence, position }) => sum + Math.max(0, (end.get(sequence) ?? 0) - position), 0)
  } catch {
    return undefined
  }
}
