import type { Message } from '../../src/core/message.ts'
import { Attempts } from '../../src/drivers/kafka/attempts.ts'
import { encodeRecords } from '../../src/drivers/kafka/record-batch.ts'
import { decodeRecord as decode } from '../../src/drivers/kafka/record-decoder.ts'
import { toMessage as fromRecord } from '../../src/drivers/kafka/record-message.ts'
import { Targets } from '../../src/drivers/kafka/target.ts'
import { Tenure } from '../../src/drivers/kafka/tenure.ts'
import { ContentReader } from '../../src/drivers/rabbitmq/content-reader.ts'
import { toMessage as fromDelivery } from '../../src/drivers/rabbitmq/delivery.ts'
import { PublishFrames } from '../../src/drivers/rabbitmq/publish-frames.ts'
import { Routing } from '../../src/drivers/rabbitmq/routing.ts'
import { Hops } from '../../src/engine/hops.ts'
import type { Content } from './amqp-bytes.ts'
import { ContentFrames, deliverFrames, splitFrames } from './amqp-frames.ts'
import { decodeRecord, encodeRecord, type KafkaRecord } from './kafka-bytes.ts'

// The way of a message through a gateway, without brokers: everything the drivers do to it between wire and wire.

export const TOPIC = 'shop.orders'
const MARK = 'orders@00000000'
const CHANNEL = 1
const FRAME_MAX = 131_072
const RECEIVED = 1_795_000_000_123

/** As the source of RabbitMQ reads what the broker delivers. */
export function fromRabbit(content: Content): Message {
  let message: Message | undefined
  const reader = new ContentReader({
    onDeliver(delivered, tag, redelivered) {
      const place = { connection: 'shop', queue: 'orders', stream: false }
      message = fromDelivery(delivered, place, tag, redelivered, RECEIVED)
    },
  })
  for (const { type, payload } of splitFrames(deliverFrames(CHANNEL, '', content)).frames)
    reader.take(type, payload, 0, payload.length)
  return message!
}

/** As the sink of RabbitMQ writes it, which would have to vouch for the user id of the message. */
export function toRabbit(message: Message, mark = MARK, vouches = true): Content {
  const frames = new PublishFrames(CHANNEL, FRAME_MAX)
  const chunks: Buffer[] = []
  frames.add(new Routing({ exchange: 'shop' }, () => vouches).publication(hop(message, mark)), chunk =>
    chunks.push(chunk),
  )
  frames.flush(chunk => chunks.push(chunk))
  const witness = new ContentFrames()
  for (const frame of splitFrames(Buffer.concat(chunks)).frames) witness.take(frame)
  return witness.contents[0]!
}

/** As the source of Kafka reads what the broker stored. */
export function fromKafka(record: KafkaRecord, topic = TOPIC): Message {
  const bytes = encodeRecord(record, 0n, 0n)
  const length = bytes.findIndex(byte => byte < 0x80) + 1
  const context = { firstOffset: '7', firstTimestamp: String(record.timestamp), maxTimestamp: '0', timestampType: 0 }
  const decoded = decode({ buffer: bytes.subarray(length), offset: 0 }, context)
  return fromRecord(decoded, new Tenure(topic, 0, 0, new Attempts('', 1)), 'log')
}

/** As the sink of Kafka writes it. */
export function toKafka(message: Message, mark = MARK, key?: string): KafkaRecord {
  const target = new Targets({ topic: TOPIC, ...(key === undefined ? {} : { key }) }).of(hop(message, mark))
  const records = encodeRecords([{ ...target, value: message.bytes }])
  // Its head, 61 bytes, is the business of the producer.
  return decodeRecord(records.subarray(61), BigInt(target.timestamp)).record
}

function hop(message: Message, mark: string): Message {
  return new Hops(mark).mark(message)
}
