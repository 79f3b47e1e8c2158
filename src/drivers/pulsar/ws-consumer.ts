import type { RawData } from 'ws'
import { SluiceError } from '../../core/errors.ts'
import type { Address } from './address.ts'
import { parseMessageId } from './message-id.ts'
import { printTopic, type TopicName, topicPath } from './topic-name.ts'
import {
  type ConsumerLink,
  type ConsumerListener,
  type ConsumerSettings,
  NACK_DELAY_MS,
  type Received,
  type SubscriptionType,
} from './transport.ts'
import { dial } from './ws-dial.ts'
import { WsLink } from './ws-link.ts'

const TYPES: Readonly<Record<SubscriptionType, string>> = {
  exclusive: 'Exclusive',
  failover: 'Failover',
  shared: 'Shared',
  key_shared: 'Key_Shared',
}

/** One subscription on one topic, in pull mode: nothing comes that was not permitted. */
export class WsConsumer implements ConsumerLink {
  readonly #link: WsLink
  readonly #topic: TopicName

  private constructor(link: WsLink, topic: TopicName) {
    this.#link = link
    this.#topic = topic
  }

  static async open(
    address: Address,
    settings: ConsumerSettings,
    listener: ConsumerListener,
    signal: AbortSignal,
  ): Promise<WsConsumer> {
    const { topic } = settings
    // The driver refuses patterns on this way.
    if (typeof topic === 'string') throw new SluiceError('NOT_SUPPORTED', 'the WebSocket API has no patterns')
    const what = `the subscription ${settings.subscription} of ${printTopic(topic)}`
    const dialled = await dial(address, consumerPath(topic, settings), what, signal)
    const link = new WsLink(dialled, what, address.heartbeatMs, {
      // Not a word of one message, as it is to a producer.
      lost: error =>
        listener.lost(error.code === 'TOO_LARGE' ? new SluiceError('CONNECTION_LOST', error.message) : error),
    })
    const consumer = new WsConsumer(link, topic)
    dialled.socket.on('message', data => consumer.#onFrame(data, listener))
    return consumer
  }

  #onFrame(data: RawData, listener: ConsumerListener): void {
    if (!this.#link.open) return
    const received = parseFrame(String(data), this.#topic)
    if (received !== undefined) return listener.received(received)
    this.#link.fail(
      new SluiceError('PROTOCOL_MISMATCH', `${printTopic(this.#topic)}: what was received is no message of Pulsar`, {
        hint: 'Is the url that of a Pulsar broker or WebSocket proxy, with nothing in between that changes what it says?',
      }),
    )
  }

  permit(count: number): void {
    this.#link.send(`{"type":"permit","permitMessages":${count}}`)
  }

  // The API confirms no ack. One that is lost with the connection means that the message comes again: at least once.
  ack({ token }: Received): void {
    this.#link.send(`{"messageId":"${token}"}`)
  }

  nack({ token }: Received): void {
    this.#link.send(`{"type":"negativeAcknowledge","messageId":"${token}"}`)
  }

  // On a close the broker closes its client library's consumer, which sends the acks it has gathered first (measured).
  close(signal: AbortSignal): Promise<void> {
    return this.#link.close(signal)
  }
}

function consumerPath(topic: TopicName, settings: ConsumerSettings): string {
  const query = new URLSearchParams({
    pullMode: 'true',
    subscriptionType: TYPES[settings.type],
    subscriptionInitialPosition: settings.from === 'latest' ? 'Latest' : 'Earliest',
    receiverQueueSize: String(settings.receiverQueueSize),
    negativeAckRedeliveryDelay: String(NACK_DELAY_MS),
    consumerName: settings.name,
  })
  return `/consumer/${topicPath(topic)}/${encodeURIComponent(settings.subscription)}?${query}`
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

/** A frame with a message; undefined for anything else. */
export function parseFrame(text: string, topic: TopicName): Received | undefined {
  let frame: unknown
  try {
    frame = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof frame !== 'object' || frame === null) return undefined
  const { messageId, payload, properties, key, publishTime, eventTime, redeliveryCount } = frame as Record<
    string,
    unknown
  >
  if (typeof messageId !== 'string' || !BASE64.test(messageId)) return undefined
  const id = parseMessageId(Buffer.from(messageId, 'base64'))
  if (id === undefined || typeof payload !== 'string') return undefined
  const bytes = Buffer.from(payload, 'base64')
  // Node passes over what is no base64, and with it over bytes.
  if (bytes.length !== decodedLength(payload)) return undefined
  const texts = textsOf(properties)
  if (texts === undefined) return undefined
  if (key !== undefined && key !== null && typeof key !== 'string') return undefined
  return {
    topic,
    id,
    token: messageId,
    payload: bytes,
    properties: texts,
    key: key ?? undefined,
    orderingKey: undefined,
    publishTime: timeOf(publishTime) ?? Date.now(),
    eventTime: timeOf(eventTime),
    redeliveryCount: typeof redeliveryCount === 'number' && redeliveryCount > 0 ? Math.trunc(redeliveryCount) : 0,
  }
}

function decodedLength(base64: string): number {
  if (base64.length % 4 !== 0) return -1
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0
  return (base64.length / 4) * 3 - padding
}

const NO_PROPERTIES: Readonly<Record<string, string>> = Object.freeze({})

function textsOf(properties: unknown): Readonly<Record<string, string>> | undefined {
  if (properties === undefined || properties === null) return NO_PROPERTIES
  if (typeof properties !== 'object' || Array.isArray(properties)) return undefined
  for (const name in properties) if (typeof (properties as Record<string, unknown>)[name] !== 'string') return undefined
  return properties as Readonly<Record<string, string>>
}

function timeOf(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined
  const ms = Date.parse(value)
  return Number.isNaN(ms) ? undefined : ms
}
