import { crc32c, Writer } from '@platformatic/kafka'
import type { CarriedHeader } from '../../core/carrier.ts'

/** What goes into one record. */
export interface RecordFields {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly CarriedHeader[]
  /** Milliseconds since 1970. */
  readonly timestamp: number
}

/** Bytes of a record batch before its records. */
export const BATCH_HEAD = 61
// Attributes, and the most that length, timestamp delta and offset delta can take.
const RECORD_HEAD = 1 + 5 + 9 + 5

const COMPRESSION = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const
export type Compression = keyof typeof COMPRESSION

/** Most bytes the record takes in a batch; a few less in truth. */
export function recordSize(record: RecordFields): number {
  return RECORD_HEAD + bodySize(record)
}

/** Bytes of a batch with a record of this recordSize alone. */
export function batchSizeAlone(size: number): number {
  // Alone, both its deltas are 0.
  const body = size - RECORD_HEAD + 3
  return BATCH_HEAD + varintSize(body) + body
}

/**
 * A record batch in format v2 whose head is still to be written. What it is stored under (producer, sequence) is in the
 * head alone. Room for the head is left in front, so that nothing is copied afterwards.
 */
export function encodeRecords(records: readonly RecordFields[]): Buffer {
  const base = records[0]!.timestamp
  let total = BATCH_HEAD
  for (const record of records) total += recordSize(record)
  const buffer = Buffer.allocUnsafe(total)
  let at = BATCH_HEAD
  for (let i = 0; i < records.length; i++) at = writeRecord(buffer, at, records[i]!, i, records[i]!.timestamp - base)
  return buffer.subarray(0, at)
}

export interface BatchHead {
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly compression: Compression
  /** Part of a transaction of the producer. Default: no. */
  readonly transactional?: boolean
}

const TRANSACTIONAL = 0x10

/** Writes the head in front of encoded (and, where the head says so, compressed) records; completes the batch. */
export function writeHead(batch: Buffer, records: readonly RecordFields[], head: BatchHead): void {
  let latest = records[0]!.timestamp
  for (const { timestamp } of records) if (timestamp > latest) latest = timestamp
  batch.writeBigInt64BE(0n, 0) // base offset: the broker's business
  batch.writeInt32BE(batch.length - 12, 8)
  batch.writeInt32BE(-1, 12) // partition leader epoch: the broker's business
  batch.writeInt8(2, 16) // magic
  batch.writeInt16BE(COMPRESSION[head.compression] | (head.transactional === true ? TRANSACTIONAL : 0), 21) // create time
  batch.writeInt32BE(records.length - 1, 23)
  batch.writeBigInt64BE(BigInt(records[0]!.timestamp), 27)
  batch.writeBigInt64BE(BigInt(latest), 35)
  batch.writeBigInt64BE(head.producerId, 43)
  batch.writeInt16BE(head.producerEpoch, 51)
  batch.writeInt32BE(head.baseSequence, 53)
  batch.writeInt32BE(records.length, 57)
  // Wrapped, because crc32c copies a bare Buffer first.
  batch.writeUInt32BE(crc32c(Writer.create().append(batch.subarray(21)).dynamicBuffer), 17)
}

function bodySize({ key, value, headers }: RecordFields): number {
  let size = fieldSize(key) + fieldSize(value) + varintSize(headers.length)
  for (const [name, content] of headers)
    size += textSize(name) + (typeof content === 'string' ? textSize(content) : fieldSize(content))
  return size
}

function writeRecord(buffer: Buffer, start: number, record: RecordFields, offset: number, delta: number): number {
  const size = 1 + varlongSize(delta) + varintSize(offset) + bodySize(record)
  let at = writeVarint(buffer, start, size)
  buffer[at++] = 0 // attributes
  at = writeVarlong(buffer, at, delta)
  at = writeVarint(buffer, at, offset)
  at = writeField(buffer, at, record.key)
  at = writeField(buffer, at, record.value)
  at = writeVarint(buffer, at, record.headers.length)
  for (const [name, content] of record.headers) {
    at = writeText(buffer, at, name)
    at = typeof content === 'string' ? writeText(buffer, at, content) : writeField(buffer, at, content)
  }
  return at
}

function fieldSize(field: Buffer | null): number {
  return field === null ? 1 : varintSize(field.length) + field.length
}

function writeField(buffer: Buffer, at: number, field: Buffer | null): number {
  if (field === null) return writeVarint(buffer, at, -1)
  at = writeVarint(buffer, at, field.length)
  if (field.length > 0) buffer.set(field, at)
  return at + field.length
}

function textSize(text: string): number {
  const length = Buffer.byteLength(text)
  return varintSize(length) + length
}

function writeText(buffer: Buffer, at: number, text: string): number {
  const length = Buffer.byteLength(text)
  at = writeVarint(buffer, at, length)
  return at + buffer.write(text, at, length, 'utf8')
}

// Kafka's varints are zigzag: 0, -1, 1, -2, … → 0, 1, 2, 3, …
function varintSize(value: number): number {
  const raw = ((value << 1) ^ (value >> 31)) >>> 0
  return raw < 0x80 ? 1 : raw < 0x4000 ? 2 : raw < 0x20_0000 ? 3 : raw < 0x1000_0000 ? 4 : 5
}

function writeVarint(buffer: Buffer, at: number, value: number): number {
  let raw = ((value << 1) ^ (value >> 31)) >>> 0
  while (raw >= 0x80) {
    buffer[at++] = (raw & 0x7f) | 0x80
    raw >>>= 7
  }
  buffer[at++] = raw
  return at
}

// Beyond 32 bits by arithmetic: timestamps may lie centuries apart.
function varlongSize(value: number): number {
  if (value === value << 0 && value < 2 ** 30 && value > -(2 ** 30)) return varintSize(value)
  let size = 1
  for (let raw = value < 0 ? -value * 2 - 1 : value * 2; raw >= 0x80; raw = Math.floor(raw / 128)) size++
  return size
}

function writeVarlong(buffer: Buffer, at: number, value: number): number {
  let raw = value < 0 ? -value * 2 - 1 : value * 2
  while (raw >= 0x80) {
    buffer[at++] = (raw % 128) | 0x80
    raw = Math.floor(raw / 128)
  }
  buffer[at++] = raw
  return at
}
