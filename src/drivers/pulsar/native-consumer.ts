import { SluiceError } from '../../core/errors.ts'
import { aborting } from '../../core/waiting.ts'
import { translate } from './errors.ts'
import { parseMessageId } from './message-id.ts'
import type { NativeClient, NativeConsumer, NativeConsumerConfig, NativeMessage } from './native-client.ts'
import { parseTopic, printTopic, type TopicName, withoutPartition } from './topic-name.ts'
import {
  type ConsumerLink,
  type ConsumerListener,
  type ConsumerSettings,
  NACK_DELAY_MS,
  type Received,
  type SubscriptionType,
} from './transport.ts'

const TYPES: Readonly<Record<SubscriptionType, NonNullable<NativeConsumerConfig['subscriptionType']>>> = {
  exclusive: 'Exclusive',
  failover: 'Failover',
  shared: 'Shared',
  key_shared: 'KeyShared',
}
const HOME = { tenant: 'public', namespace: 'default' }

/** One consumer of the native client, which reconnects by itself and then delivers again what is out. */
export class NativeConsumerLink implements ConsumerLink {
  readonly #consumer: NativeConsumer
  readonly #listener: ConsumerListener
  readonly #topic: TopicName | undefined
  readonly #acks = new Set<Promise<void>>()
  #permits = 0
  #polling = false
  #closed = false

  private constructor(consumer: NativeConsumer, settings: ConsumerSettings, listener: ConsumerListener) {
    this.#consumer = consumer
    this.#listener = listener
    this.#topic = typeof settings.topic === 'string' ? undefined : settings.topic
  }

  static async open(
    client: NativeClient,
    settings: ConsumerSettings,
    listener: ConsumerListener,
    signal: AbortSignal,
  ): Promise<NativeConsumerLink> {
    const opening = client.subscribe(consumerConfig(settings))
    try {
      return new NativeConsumerLink(await aborting(opening, signal), settings, listener)
    } catch (error) {
      // It cannot be interrupted: one that opens after the abort is closed again.
      if (signal.aborted) opening.then(late => late.close()).catch(() => {})
      const topic = typeof settings.topic === 'string' ? settings.topic : printTopic(settings.topic)
      throw translate(error, `the subscription ${settings.subscription} of ${topic}`, 'UNAVAILABLE')
    }
  }

  permit(count: number): void {
    this.#permits += count
    if (this.#polling) return
    this.#polling = true
    void this.#poll()
  }

  // Without a time-out of its own: with one the client blocks a thread of Node's pool. A close ends the wait.
  async #poll(): Promise<void> {
    try {
      while (this.#permits > 0 && !this.#closed) {
        const message = await this.#consumer.receive()
        if (this.#closed) return
        this.#permits--
        this.#listener.received(readMessage(message, this.#topic))
      }
    } catch (error) {
      this.#fail(error, 'receiving')
    } finally {
      this.#polling = false
    }
  }

  ack({ handle }: Received): void {
    const ack: Promise<void> = this.#consumer
      .acknowledge(handle as NativeMessage)
      .then(
        () => {},
        error => this.#fail(error, 'acknowledging'),
      )
      .finally(() => this.#acks.delete(ack))
    this.#acks.add(ack)
  }

  nack({ handle }: Received): void {
    try {
      this.#consumer.negativeAcknowledge(handle as NativeMessage)
    } catch (error) {
      this.#fail(error, 'giving back')
    }
  }

  // What could not be acknowledged comes again in the next session.
  #fail(error: unknown, doing: string): void {
    if (this.#closed) return
    this.#closed = true
    this.#listener.lost(translate(error, doing))
    this.#consumer.close().catch(() => {})
  }

  async close(signal: AbortSignal): Promise<void> {
    const wasClosed = this.#closed
    this.#closed = true
    const closing = Promise.all([...this.#acks]).then(() => (wasClosed ? undefined : this.#consumer.close()))
    await aborting(closing, signal).catch(() => {})
  }
}

function consumerConfig({ topic, ...settings }: ConsumerSettings): NativeConsumerConfig {
  return {
    ...(typeof topic === 'string' ? { topicsPattern: topic } : { topic: printTopic(topic) }),
    subscription: settings.subscription,
    subscriptionType: TYPES[settings.type],
    subscriptionInitialPosition: settings.from === 'latest' ? 'Latest' : 'Earliest',
    nAckRedeliverTimeoutMs: NACK_DELAY_MS,
    receiverQueueSize: settings.receiverQueueSize,
    consumerName: settings.name,
    ...(settings.readCompacted ? { readCompacted: true } : {}),
  }
}

/** @param known the topic; undefined where the message has to tell */
export function readMessage(message: NativeMessage, known: TopicName | undefined): Received {
  const serialized = message.getMessageId().serialize()
  const id = parseMessageId(serialized)
  const named = known ?? parseTopic(message.getTopicName(), HOME)
  if (id === undefined || named === undefined)
    throw new SluiceError('PROTOCOL_MISMATCH', 'the native client gave a message without a readable id or topic')
  const eventTime = message.getEventTimestamp()
  const topic = withoutPartition(named)
  return {
    topic,
    id,
    token: `${message.getTopicName()} ${serialized.toString('base64')}`,
    payload: message.getData(),
    properties: message.getProperties(),
    // It tells no empty key from none.
    key: message.getPartitionKey() || undefined,
    orderingKey: message.getOrderingKey() || undefined,
    publishTime: message.getPublishTimestamp(),
    eventTime: eventTime > 0 ? eventTime : undefined,
    redeliveryCount: message.getRedeliveryCount(),
    handle: message,
  }
}
