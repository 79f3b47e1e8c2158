import type { SluiceError } from '../../core/errors.ts'
import { aborting } from '../../core/waiting.ts'
import { translate } from './errors.ts'
import type { NativeClient, NativeProducer, NativeProducerConfig, NativeProducerMessage } from './native-client.ts'
import { printTopic, type TopicName } from './topic-name.ts'
import type { Compression, Outgoing, Prepared, ProducerLink, ProducerSettings } from './transport.ts'

const COMPRESSIONS: Readonly<Record<Compression, NonNullable<NativeProducerConfig['compressionType']>>> = {
  none: 'None',
  lz4: 'LZ4',
  zlib: 'Zlib',
  zstd: 'ZSTD',
  snappy: 'SNAPPY',
}

/** One producer of the native client, which reconnects by itself and sends again what was not confirmed. */
export class NativeProducerLink implements ProducerLink {
  readonly #producer: NativeProducer
  readonly #topic: TopicName

  private constructor(producer: NativeProducer, topic: TopicName) {
    this.#producer = producer
    this.#topic = topic
  }

  static async open(
    client: NativeClient,
    settings: ProducerSettings,
    signal: AbortSignal,
  ): Promise<NativeProducerLink> {
    const opening = client.createProducer(producerConfig(settings))
    try {
      return new NativeProducerLink(await aborting(opening, signal), settings.topic)
    } catch (error) {
      // It cannot be interrupted: one that opens after the abort is closed again.
      if (signal.aborted) opening.then(late => late.close()).catch(() => {})
      throw translate(error, `the producer of ${printTopic(settings.topic)}`, 'UNAVAILABLE')
    }
  }

  prepare(message: Outgoing): Prepared {
    return { size: sizeOf(message), send: done => this.#send(message, done) }
  }

  #send(message: Outgoing, done: (error: SluiceError | null) => void): void {
    this.#producer.send(nativeMessage(message)).then(
      () => done(null),
      error => done(translate(error, printTopic(this.#topic), 'NACKED')),
    )
  }

  async close(signal: AbortSignal): Promise<void> {
    await aborting(this.#producer.close(), signal).catch(() => {})
  }
}

function producerConfig(settings: ProducerSettings): NativeProducerConfig {
  const batching = !settings.chunking && (settings.batching ?? true)
  return {
    topic: printTopic(settings.topic),
    sendTimeoutMs: settings.timeoutMs,
    // Its default is 1,000, and what is beyond fails.
    maxPendingMessages: settings.maxPending + 1,
    blockIfQueueFull: false,
    // Keys go to the partitions that Java producers choose.
    hashingScheme: 'JavaStringHash',
    messageRoutingMode: 'RoundRobinDistribution',
    compressionType: COMPRESSIONS[settings.compression],
    batchingEnabled: batching,
    // Of a batch with several keys a `key_shared` subscription could give all to the consumer of the first.
    ...(batching ? { batchingType: 'KeyBasedBatching' as const } : {}),
    ...(settings.chunking ? { chunkingEnabled: true } : {}),
    ...(settings.producerName === undefined ? {} : { producerName: settings.producerName }),
  }
}

function nativeMessage(message: Outgoing): NativeProducerMessage {
  return {
    data: message.payload,
    properties: { ...message.properties },
    ...(message.key === undefined ? {} : { partitionKey: message.key }),
    ...(message.orderingKey === undefined ? {} : { orderingKey: message.orderingKey }),
    ...(message.eventTime === undefined ? {} : { eventTimestamp: message.eventTime }),
    ...(message.sequenceId === undefined ? {} : { sequenceId: message.sequenceId }),
    ...(message.replicateTo === undefined ? {} : { replicationClusters: [...message.replicateTo] }),
  }
}

// As the broker counts: body, and metadata with lengths and tags.
function sizeOf({ payload, properties, key, orderingKey }: Outgoing): number {
  let bytes = payload.length + 200 + Buffer.byteLength(key ?? '') + Buffer.byteLength(orderingKey ?? '')
  for (const name in properties) bytes += Buffer.byteLength(name) + Buffer.byteLength(properties[name]!) + 20
  return bytes
}
