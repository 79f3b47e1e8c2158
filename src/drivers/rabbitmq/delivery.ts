import { Message, type Properties } from '../../core/message.ts'
import type { Delivery } from '../../core/ports.ts'
import { unpackHeaders } from './carrier.ts'
import type { Content } from './content-reader.ts'
import { type Place, RabbitOrigin } from './origin.ts'

/** Who settles: the channel the delivery came on. */
export interface Settler {
  /** False for ever once the channel is gone: the broker delivers again what was not acknowledged. */
  readonly alive: boolean
  ack(delivery: RabbitDelivery): void
  release(delivery: RabbitDelivery, delayMs: number): void
}

/** One message of one channel. Its tag is fenced by that channel: settling after the channel is gone does nothing. */
export class RabbitDelivery implements Delivery {
  readonly message: Message
  readonly tag: number
  readonly redelivered: boolean
  readonly #settler: Settler
  #settled = false

  constructor(message: Message, tag: number, redelivered: boolean, settler: Settler) {
    this.message = message
    this.tag = tag
    this.redelivered = redelivered
    this.#settler = settler
  }

  get expired(): boolean {
    return !this.#settler.alive
  }

  ack(): void {
    // Invariant 3: each delivery is settled exactly once; the first call wins.
    if (this.#settled) return
    this.#settled = true
    this.#settler.ack(this)
  }

  release(delayMs = 0): void {
    if (this.#settled) return
    this.#settled = true
    this.#settler.release(this, delayMs)
  }
}

// Added by the broker for one delivery; they are told by `source` and are no part of the message.
const redeliveredHeaders = (name: string) => name === 'x-delivery-count' || name === 'x-acquired-count'
const streamHeaders = (name: string) => name === 'x-stream-offset'

const LATEST = 8.64e15
const PERSISTENT = 2

/** @param now time of receipt, for messages that bring none */
export function toMessage(content: Content, place: Place, tag: number, redelivered: boolean, now: number): Message {
  const { properties, table } = content
  const hide = place.stream ? streamHeaders : redelivered ? redeliveredHeaders : undefined
  const { headers, key, isNull, timestamp, madePersistent, userId } = unpackHeaders(table, hide)
  const own = madePersistent ? withoutMode(properties) : properties
  return new Message({
    key,
    subject: content.routingKey,
    headers,
    bytes: isNull && content.body.length === 0 ? null : content.body,
    timestamp: timestamp ?? (properties.timestamp === undefined ? now : milliseconds(properties.timestamp, now)),
    properties: userId === undefined ? own : { ...own, userId },
    source: new RabbitOrigin(place, tag, redelivered, table),
  })
}

function withoutMode(properties: Properties): Properties {
  if (properties.deliveryMode !== PERSISTENT) return properties
  const { deliveryMode: _, ...own } = properties
  return own
}

// AMQP says seconds; a producer that wrote something absurd does not get a date beyond the calendar.
function milliseconds(seconds: bigint, now: number): number {
  const time = Number(seconds) * 1000
  return time <= LATEST ? time : now
}
