import type { Admin } from '@platformatic/kafka'
import { SluiceError } from '../../core/errors.ts'
import { abortable } from '../../core/waiting.ts'
import { kafkaError } from './errors.ts'
import type { SourceSettings } from './source-settings.ts'

/** Kafka's name for a missing topic hides in the text of @platformatic/kafka's own error. */
export function isUnknownTopic(error: unknown): boolean {
  return error instanceof Error && /^Unknown topic /.test(error.message)
}

/** The topics a source reads now. Throws ADDRESS_MISSING for a named one that does not exist. */
export async function sourceTopics(
  admin: Admin,
  settings: SourceSettings,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { pattern } = settings
  if (pattern !== undefined) {
    const topics = await matchingTopics(admin, pattern, signal)
    if (topics.length > 0) return topics
    throw new SluiceError('ADDRESS_MISSING', `no topic matches the pattern ${pattern.source}`, {
      hint: 'Create one, or correct the pattern; Sluice keeps looking.',
    })
  }
  for (const topic of settings.topics) {
    try {
      await abortable(admin.metadata({ topics: [topic], forceUpdate: true }), signal)
    } catch (error) {
      signal.throwIfAborted()
      if (isUnknownTopic(error)) throw new SluiceError('ADDRESS_MISSING', `the topic ${topic} does not exist`)
      throw kafkaError(error, `reading about topic ${topic}`)
    }
  }
  return settings.topics
}

/** Topics whose names match; Kafka's internal ones never do. */
export async function matchingTopics(admin: Admin, pattern: RegExp, signal: AbortSignal): Promise<readonly string[]> {
  try {
    const topics = await abortable(admin.listTopics({ includeInternals: false }), signal)
    return topics.filter(topic => pattern.test(topic))
  } catch (error) {
    signal.throwIfAborted()
    throw kafkaError(error, 'listing topics')
  }
}
