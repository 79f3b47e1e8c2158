import { unpack } from '../../core/carrier.ts'
import { Message } from '../../core/message.ts'
import type { KafkaRecord, RecordHeader } from './record-decoder.ts'
import type { Tenure } from './tenure.ts'

// What a record costs in memory beside its bytes: message, headers, bookkeeping.
const OVERHEAD = 300

/** A record as a message (docs/mapping.md, "Kafka"). */
export function toMessage(record: KafkaRecord, tenure: Tenure, connection: string): Message {
  const { topic, partition, sequence } = tenure
  const { headers, properties, subject, key } = unpack(headerList(record))
  const { offset } = record
  return new Message({
    key: record.key ?? key,
    subject: subject ?? topic,
    headers,
    bytes: record.value,
    timestamp: Number(record.timestamp),
    properties,
    source: {
      connection,
      address: topic,
      sequence,
      position: `${partition}:${offset}`,
      attempt: tenure.attempts.of(Number(offset)),
      identity: `${sequence}/${offset}`,
    },
  })
}

/** Bytes a record keeps in memory, about. */
export function heldBytes(record: KafkaRecord): number {
  let bytes = OVERHEAD + (record.key?.length ?? 0) + (record.value?.length ?? 0)
  for (const [name, value] of headerList(record)) bytes += name.length + (value?.length ?? 0) + 50
  return bytes
}

// kafkajs may have been loaded and used by somebody else before us, and then decodes records its own way.
function headerList(record: KafkaRecord): readonly RecordHeader[] {
  if (record.headerList !== undefined) return record.headerList
  return Object.entries(record.headers ?? {}).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).filter(isValue).map(one => [name, one] as const),
  )
}

function isValue(value: unknown): value is Buffer | null {
  return value === null || Buffer.isBuffer(value)
}
