import { isUtf8 } from 'node:buffer'
import { unpack } from '../../core/carrier.ts'
import { Message } from '../../core/message.ts'
import { printMessageId } from './message-id.ts'
import { unpackProperties } from './properties.ts'
import { printTopic } from './topic-name.ts'
import type { Received } from './transport.ts'

// What a message costs in memory beside its bytes: headers, bookkeeping.
const OVERHEAD = 400

/** A message of Pulsar as ours (docs/mapping.md, "Pulsar"). `attempt`: 1 = the first delivery. */
export function toMessage(received: Received, connection: string, attempt: number): Message {
  const { id } = received
  const { list, isNull, timestamp } = unpackProperties(received.properties)
  const { headers, properties, subject, key } = unpack(list)
  const topic = printTopic(received.topic)
  const place = id.partition < 0 ? topic : `${topic}-partition-${id.partition}`
  const position = printMessageId(id)
  return new Message({
    key: key ?? received.key ?? null,
    subject: subject ?? received.topic.local,
    headers,
    bytes: isNull && received.payload.length === 0 ? null : received.payload,
    timestamp: received.eventTime ?? timestamp ?? received.publishTime,
    properties,
    source: {
      connection,
      address: topic,
      sequence: place,
      position: id.partition < 0 ? position : `${id.partition}:${position}`,
      attempt,
      identity: `${place}/${position}`,
    },
  })
}

/** Bytes a message keeps in memory, about. */
export function heldBytes(received: Received): number {
  let bytes = OVERHEAD + received.payload.length + 2 * (received.key?.length ?? 0)
  for (const name in received.properties) bytes += 2 * (name.length + received.properties[name]!.length) + 50
  return bytes
}

/** A key as Pulsar has it, which is text; of other bytes their base64, and the bytes themselves travel in a header. */
export function keyText(key: Buffer | string | null): string | undefined {
  if (key === null) return undefined
  if (typeof key === 'string') return key.toWellFormed()
  return isUtf8(key) ? key.toString('utf8') : key.toString('base64')
}

/** True where `keyText` says it all. An empty key does not: the native client cannot tell it from none. */
export function isTextKey(key: Buffer | string | null): boolean {
  if (key === null) return true
  return key.length > 0 && (typeof key === 'string' ? key.isWellFormed() : isUtf8(key))
}
