import type { EndpointContext, Source } from '../../core/ports.ts'
import { abortable } from '../../core/waiting.ts'
import type { Address } from './address.ts'
import { adminClient } from './client.ts'
import { Consumer } from './consumer.ts'
import { DeletionWatch } from './deletion-watch.ts'
import { kafkaError } from './errors.ts'
import { checkGroup } from './group-access.ts'
import { PatternWatch } from './pattern-watch.ts'
import { probe } from './probe.ts'
import { KafkaSource } from './source.ts'
import type { SourceOptions } from './source-options.ts'
import { sourceSettings } from './source-settings.ts'
import { sourceTopics } from './topics.ts'
import { Watchdog } from './watchdog.ts'

/** Opens a source that has joined its group. Throws what is wrong with brokers, login, topics or group. */
export async function openSource(
  address: Address,
  connection: string,
  options: SourceOptions,
  context: EndpointContext,
  signal: AbortSignal,
): Promise<Source> {
  const settings = sourceSettings(options, context.route)
  // kafkajs hangs on some mistakes (TLS port, wrong protocol) and is vague about others: they are found before it starts.
  await probe(address, signal)
  const admin = adminClient(address)
  const source = new KafkaSource(settings, context, connection)
  const consumer = new Consumer(address, settings, context, source)
  try {
    const topics = await sourceTopics(admin, settings, signal)
    await checkGroup(admin, address.brokers, settings.group, signal)
    await abortable(consumer.subscribe(topics), signal)
    await source.start(consumer, signal)
    source.owns(new Watchdog(source, settings.stuckAfter))
    const watched = { ...settings, topics, pattern: undefined }
    const look = (stop: AbortSignal) => sourceTopics(admin, watched, stop)
    source.owns({ [Symbol.asyncDispose]: () => admin.close().catch(() => {}) })
    source.owns(
      new DeletionWatch(
        () => source.lastFetch,
        look,
        error => source.fail(error),
      ),
    )
    const { pattern, patternRefresh } = settings
    if (pattern !== undefined)
      source.owns(new PatternWatch(admin, pattern, topics, patternRefresh, fresh => void source.renew(fresh)))
    return source
  } catch (error) {
    await source[Symbol.asyncDispose]()
    await consumer.close()
    await admin.close().catch(() => {})
    signal.throwIfAborted()
    throw kafkaError(error, `joining group ${settings.group}`)
  }
}
