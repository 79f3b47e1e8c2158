// Kafka's record batch v2 (KIP-98) at the level of its bytes, written from the protocol guide alone: the tests of the
// mapping must not see through the eyes of the codecs they judge.

export interface KafkaRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** Names as bytes: Kafka says they are text, and nobody checks. */
  readonly headers: readonly (readonly [name: Buffer, value: Buffer | null])[]
  /** Milliseconds since 1970. */
  readonly timestamp: bigint
}

const HEAD = 61

export function encodeBatch(records: readonly KafkaRecord[]): Buffer {
  const base = records[0]!.timestamp
  const [latest = base] = records.map(({ timestamp }) => timestamp).sort((a, b) => (a < b ? 1 : -1))
  const body = Buffer.concat(records.map((record, i) => encodeRecord(record, BigInt(i), record.timestamp - base)))
  const head = Buffer.alloc(HEAD)
  head.writeInt32BE(HEAD - 12 + body.length, 8)
  head.writeInt32BE(-1, 12)
  head.writeInt8(2, 16)
  head.writeInt32BE(records.length - 1, 23)
  head.writeBigInt64BE(base, 27)
  head.writeBigInt64BE(latest, 35)
  head.writeBigInt64BE(-1n, 43)
  head.writeInt16BE(-1, 51)
  head.writeInt32BE(-1, 53)
  head.writeInt32BE(records.length, 57)
  const batch = Buffer.concat([head, body])
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17)
  return batch
}

/** A record with its length in front. */
export function encodeRecord({ key, value, headers }: KafkaRecord, offset: bigint, delta: bigint): Buffer {
  const parts = [Buffer.alloc(1), varint(delta), varint(offset), field(key), field(value), varint(headers.length)]
  for (const [name, content] of headers) parts.push(field(name), field(content))
  const body = Buffer.concat(parts)
  return Buffer.concat([varint(body.length), body])
}

/** The records of uncompressed batches one behind the other; one that is cut off at the end is left out. */
export function decodeBatches(bytes: Buffer): { readonly record: KafkaRecord; readonly offset: bigint }[] {
  const all: { record: KafkaRecord; offset: bigint }[] = []
  for (let at = 0; at + 12 <= bytes.length; ) {
    const end = at + 12 + bytes.readInt32BE(at + 8)
    if (end > bytes.length) break
    const batch = bytes.subarray(at, end)
    if (batch.readInt8(16) !== 2) throw new Error('not a record batch v2')
    if (batch.readUInt32BE(17) !== crc32c(batch.subarray(21))) throw new Error('the checksum of a batch is wrong')
    if ((batch.readInt16BE(21) & 0x2f) !== 0)
      throw new Error('the witness reads neither compressed nor control batches')
    let records = batch.subarray(HEAD)
    for (let i = batch.readInt32BE(57); i > 0; i--) {
      const { record, offset, rest } = decodeRecord(records, batch.readBigInt64BE(27))
      all.push({ record, offset: batch.readBigInt64BE(0) + offset })
      records = rest
    }
    at = end
  }
  return all
}

/** The record at the beginning of `bytes`, its length in front, in a batch that began at the time `base`. */
export function decodeRecord(bytes: Buffer, base: bigint): { record: KafkaRecord; offset: bigint; rest: Buffer } {
  const cursor = new Cursor(bytes)
  const end = cursor.varint() + BigInt(cursor.at)
  cursor.at++
  const timestamp = base + cursor.varint()
  const offset = cursor.varint()
  const key = cursor.field()
  const value = cursor.field()
  const headers: [Buffer, Buffer | null][] = []
  for (let i = cursor.varint(); i > 0; i--) headers.push([cursor.field()!, cursor.field()])
  if (BigInt(cursor.at) !== end) throw new Error('a record does not end where it says')
  return { record: { key, value, headers, timestamp }, offset, rest: bytes.subarray(cursor.at) }
}

/** As a test compares it and a person reads it. */
export interface ShownRecord {
  readonly key: string | null
  readonly value: string | null
  readonly timestamp: bigint
  readonly headers: readonly string[]
}

export function showRecord(
  { key, value, headers, timestamp }: KafkaRecord,
  hide: (name: string) => boolean,
): ShownRecord {
  return {
    key: key === null ? null : key.toString('latin1'),
    value: value === null ? null : value.toString('latin1'),
    timestamp,
    headers: headers
      .filter(([name]) => !hide(name.toString()))
      .map(
        ([name, one]) => `${name.toString('latin1')} ${one === null ? null : JSON.stringify(one.toString('latin1'))}`,
      ),
  }
}

function field(value: Buffer | null): Buffer {
  return value === null ? varint(-1) : Buffer.concat([varint(value.length), value])
}

function varint(value: number | bigint): Buffer {
  let raw = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n))
  const bytes: number[] = []
  for (; raw >= 0x80n; raw >>= 7n) bytes.push(Number(raw & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(raw)])
}

class Cursor {
  readonly #bytes: Buffer
  at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  varint(): bigint {
    let raw = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#bytes.readUInt8(this.at++)
      raw |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return (raw >> 1n) ^ -(raw & 1n)
    }
  }

  field(): Buffer | null {
    const length = Number(this.varint())
    if (length < 0) return null
    this.at += length
    return this.#bytes.subarray(this.at - length, this.at)
  }
}

const CASTAGNOLI = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0x82f63b78 : rest >>> 1
  return rest
})

function crc32c(bytes: Buffer): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = CASTAGNOLI[(crc ^ byte) & 0xff]! ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}
