import { SluiceError } from '../../core/errors.ts'

// The part of the npm package `pulsar-client` (1.18) that is used. Spelt out because the package is optional: where it is
// not installed this still has to compile.

export interface NativeModule {
  readonly Client: NativeClientClass
  readonly MessageId: NativeMessageIds
  readonly AuthenticationToken: new (options: { token: string }) => object
  readonly AuthenticationTls: new (options: { certificatePath: string; privateKeyPath: string }) => object
}

export interface NativeClientClass {
  new (config: NativeClientConfig): NativeClient
  setLogHandler(handler: (level: number, file: string, line: number, message: string) => void): void
}

export interface NativeClientConfig {
  readonly serviceUrl: string
  readonly authentication?: object
  readonly operationTimeoutSeconds?: number
  readonly connectionTimeoutMs?: number
  readonly tlsTrustCertsFilePath?: string
  readonly tlsCertificateFilePath?: string
  readonly tlsPrivateKeyFilePath?: string
  readonly tlsValidateHostname?: boolean
  readonly tlsAllowInsecureConnection?: boolean
}

export interface NativeClient {
  createProducer(config: NativeProducerConfig): Promise<NativeProducer>
  subscribe(config: NativeConsumerConfig): Promise<NativeConsumer>
  createReader(config: NativeReaderConfig): Promise<NativeReader>
  getPartitionsForTopic(topic: string): Promise<string[]>
  close(): Promise<null>
}

export interface NativeProducerConfig {
  readonly topic: string
  readonly producerName?: string
  readonly sendTimeoutMs?: number
  readonly maxPendingMessages?: number
  readonly blockIfQueueFull?: boolean
  readonly messageRoutingMode?: 'UseSinglePartition' | 'RoundRobinDistribution' | 'CustomPartition'
  readonly hashingScheme?: 'Murmur3_32Hash' | 'BoostHash' | 'JavaStringHash'
  readonly compressionType?: 'None' | 'Zlib' | 'LZ4' | 'ZSTD' | 'SNAPPY'
  readonly batchingEnabled?: boolean
  readonly batchingType?: 'DefaultBatching' | 'KeyBasedBatching'
  readonly chunkingEnabled?: boolean
}

export interface NativeProducer {
  send(message: NativeProducerMessage): Promise<unknown>
  close(): Promise<null>
  isConnected(): boolean
}

export interface NativeProducerMessage {
  readonly data: Buffer
  readonly properties?: { [key: string]: string }
  readonly eventTimestamp?: number
  readonly sequenceId?: number
  readonly partitionKey?: string
  readonly orderingKey?: string
  readonly replicationClusters?: string[]
}

export interface NativeConsumerConfig {
  readonly topic?: string
  readonly topicsPattern?: string
  readonly subscription: string
  readonly subscriptionType?: 'Exclusive' | 'Shared' | 'KeyShared' | 'Failover'
  readonly subscriptionInitialPosition?: 'Latest' | 'Earliest'
  readonly nAckRedeliverTimeoutMs?: number
  readonly receiverQueueSize?: number
  readonly consumerName?: string
  readonly readCompacted?: boolean
}

export interface NativeConsumer {
  receive(timeout?: number): Promise<NativeMessage>
  acknowledge(message: NativeMessage): Promise<null>
  negativeAcknowledge(message: NativeMessage): void
  isConnected(): boolean
  close(): Promise<null>
}

/** Places in a topic, which only the client itself can make. */
export interface NativeMessageIds {
  latest(): object
  deserialize(serialized: Buffer): object
}

export interface NativeReaderConfig {
  readonly topic: string
  readonly startMessageId: object
  readonly receiverQueueSize?: number
  readonly readerName?: string
}

export interface NativeReader {
  readNext(timeout?: number): Promise<NativeMessage>
  close(): Promise<null>
}

export interface NativeMessage {
  getTopicName(): string
  getProperties(): { [key: string]: string }
  getData(): Buffer
  getMessageId(): { serialize(): Buffer; toString(): string }
  getPublishTimestamp(): number
  getEventTimestamp(): number
  getRedeliveryCount(): number
  getPartitionKey(): string
  getOrderingKey(): string
}

/** Loads the package. Throws NOT_SUPPORTED where it is not there or does not work on this machine. */
export async function loadNative(): Promise<NativeModule> {
  try {
    // By a name that the compiler does not follow: it need not be installed.
    const name = 'pulsar-client'
    const loaded = (await import(name)) as NativeModule & { readonly default?: NativeModule }
    return loaded.default ?? loaded
  } catch (cause) {
    throw new SluiceError(
      'NOT_SUPPORTED',
      'the native client of Pulsar, the npm package pulsar-client, cannot be loaded',
      {
        cause,
        hint: 'Install it beside Sluice (`npm install pulsar-client`; it needs a prebuilt library for this machine, or a compiler), or use a ws:// or wss:// url, which needs none.',
      },
    )
  }
}
