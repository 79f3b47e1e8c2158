import type { SluiceError } from '../../core/errors.ts'
import type { MessageId } from './message-id.ts'
import type { TopicName } from './topic-name.ts'

export type SubscriptionType = 'exclusive' | 'failover' | 'shared' | 'key_shared'
export type Compression = 'none' | 'lz4' | 'zlib' | 'zstd' | 'snappy'

/**
 * One way to talk to a Pulsar broker: its WebSocket API, or the native client. Both do the same with the same options,
 * except for what `lacks` names. Everything else of the driver is written against this.
 */
export interface Transport extends AsyncDisposable {
  /** Options of sources and sinks that this way cannot do, and why; the driver refuses them. */
  readonly lacks: Readonly<Record<string, string>>
  /** Largest message by default, in bytes as `Prepared.size` counts them. */
  readonly maxMessageBytes: number
  /** Proves that the broker is reachable and lets us in. */
  check(signal: AbortSignal): Promise<void>
  subscribe(settings: ConsumerSettings, listener: ConsumerListener, signal: AbortSignal): Promise<ConsumerLink>
  produce(settings: ProducerSettings, listener: LinkListener, signal: AbortSignal): Promise<ProducerLink>
  /** Reads a topic beside all subscriptions, of which the broker keeps nothing. What comes after it has resolved is read. */
  read(settings: ReaderSettings, listener: ConsumerListener, signal: AbortSignal): Promise<ReaderLink>
}

/** All of a transport's promises reject with SluiceErrors. */
export interface LinkListener {
  /** Once, and not after `close` was called: the link is dead and nothing more comes. */
  lost(error: SluiceError): void
}

export interface ConsumerListener extends LinkListener {
  received(message: Received): void
}

export interface ConsumerSettings {
  /** A topic, or a regular expression over full names of topics. */
  readonly topic: TopicName | string
  readonly subscription: string
  readonly type: SubscriptionType
  readonly from: 'earliest' | 'latest'
  /** Shown by the broker's tools. */
  readonly name: string
  /** Messages the broker sends ahead to its client library. 1–1000. */
  readonly receiverQueueSize: number
  readonly readCompacted: boolean
}

export interface ConsumerLink {
  /** Lets that many more messages come. */
  permit(count: number): void
  /** Sent at once. A broken link loses it, and the message comes again. */
  ack(message: Received): void
  /** Gives it back to the subscription, which delivers it again after NACK_DELAY_MS. */
  nack(message: Received): void
  /** Resolves when the broker has what was acked, or the signal aborts. Never rejects. */
  close(signal: AbortSignal): Promise<void>
}

export interface ReaderSettings {
  readonly topic: TopicName
  /** `token` of the message behind which it begins; undefined = from now on. On a topic with partitions there is no such place. */
  readonly after: string | undefined
  /** Shown by the broker's tools. */
  readonly name: string
  /** Most messages that have come and were not `taken`. 1–1000. */
  readonly receiverQueueSize: number
}

export interface ReaderLink {
  /** One more may come. */
  taken(message: Received): void
  /** Never rejects. */
  close(signal: AbortSignal): Promise<void>
}

/** The broker's own delay before it delivers again what was given back, in ms: the least its client library takes. */
export const NACK_DELAY_MS = 100

export interface Received {
  /** Of the topic the subscription is on, or of the partition where it is known. */
  readonly topic: TopicName
  readonly id: MessageId
  /** Names the message in this link, and again when it is delivered again. */
  readonly token: string
  readonly payload: Buffer
  readonly properties: Readonly<Record<string, string>>
  readonly key: string | undefined
  readonly orderingKey: string | undefined
  /** Milliseconds since 1970. */
  readonly publishTime: number
  readonly eventTime: number | undefined
  /** Given back so often. Forgotten by the broker when the last consumer of the subscription leaves. */
  readonly redeliveryCount: number
  /** What the transport needs to settle it. */
  readonly handle?: unknown
}

export interface ProducerSettings {
  readonly topic: TopicName
  /** Longest wait of the broker's client library for a message to be stored. */
  readonly timeoutMs: number
  readonly maxPending: number
  readonly compression: Compression
  readonly batching: boolean | undefined
  readonly chunking: boolean
  readonly producerName: string | undefined
}

export interface Outgoing {
  readonly payload: Buffer
  readonly properties: Readonly<Record<string, string>>
  readonly key: string | undefined
  readonly orderingKey: string | undefined
  /** Milliseconds since 1970. */
  readonly eventTime: number | undefined
  readonly sequenceId: number | undefined
  readonly replicateTo: readonly string[] | undefined
}

export interface ProducerLink {
  prepare(message: Outgoing): Prepared
  close(signal: AbortSignal): Promise<void>
}

export interface Prepared {
  /** Bytes of the message on this way, to be compared with the limit. */
  readonly size: number
  /** Calls `done` once, later: null = stored. Messages are stored in the order of these calls, unless they fail. */
  send(done: (error: SluiceError | null) => void): void
}
