import { type Admin, ConfigResourceTypes } from '@platformatic/kafka'
import { type Finding, ok, warn } from '../../core/finding.ts'
import { abortable } from '../../core/waiting.ts'

/** Settings of a topic that decide what becomes of a record; undefined = this user may not see it. */
export interface TopicSettings {
  readonly maxMessageBytes?: number | undefined
  readonly minInSync?: number | undefined
  /** ms; -1 = for ever. */
  readonly retention?: number | undefined
  readonly timestampType?: string | undefined
  readonly cleanup?: string | undefined
}

const KEYS = [
  'max.message.bytes',
  'min.insync.replicas',
  'retention.ms',
  'message.timestamp.type',
  'cleanup.policy',
] as const

export async function topicSettings(admin: Admin, name: string, signal: AbortSignal): Promise<TopicSettings> {
  try {
    const asked = { resourceType: ConfigResourceTypes.TOPIC, resourceName: name, configurationKeys: [...KEYS] }
    const [resource] = await abortable(admin.describeConfigs({ resources: [asked] }), signal)
    const value = (key: (typeof KEYS)[number]) =>
      resource?.configs.find(config => config.name === key)?.value ?? undefined
    const number = (key: (typeof KEYS)[number]) => Number(value(key)) || undefined
    return {
      maxMessageBytes: number('max.message.bytes'),
      minInSync: number('min.insync.replicas'),
      retention: number('retention.ms'),
      timestampType: value('message.timestamp.type'),
      cleanup: value('cleanup.policy'),
    }
  } catch {
    signal.throwIfAborted()
    // Not everyone who may read or write may see settings.
    return {}
  }
}

const HOUR = 3_600_000

/**
 * What retention does to messages that are old when they come: their records have the messages' own time (docs/mapping.md),
 * from which Kafka counts. Nothing to say where the topic keeps everything, or counts from the arrival.
 */
export function retentionFindings(topic: string, settings: TopicSettings): readonly Finding[] {
  const { retention = -1, timestampType = 'CreateTime', cleanup = 'delete' } = settings
  if (retention < 0 || timestampType !== 'CreateTime' || !cleanup.includes('delete')) return []
  const hours = Math.round((retention / HOUR) * 10) / 10
  const kept = hours >= 48 ? `${Math.round(hours / 24)} days` : `${hours} h`
  const message = `it keeps records for ${kept}, counted from the time of the message: one that is older when it comes is deleted within minutes`
  const subject = `topic ${topic}`
  if (hours >= 24) return [ok(subject, message)]
  return [warn(subject, message, 'Set message.timestamp.type=LogAppendTime, or a longer retention.ms, on the topic.')]
}
