/** A header as it stood in the record: names may repeat, order is kept, a value may be null. */
export type RecordHeader = readonly [name: string, value: Buffer | null]

/** The part of kafkajs' Decoder that reads a record; `buffer` is the record alone, from `offset` on. */
interface RecordBuffer {
  readonly buffer: Buffer
  readonly offset: number
}

interface BatchContext {
  readonly firstOffset: string
  readonly firstTimestamp: string
  readonly maxTimestamp: string
  /** 1 = the broker's time of append. */
  readonly timestampType: number
  readonly isControlBatch?: boolean
  readonly magicByte?: number
}

const NO_HEADERS: readonly RecordHeader[] = Object.freeze([])
const LOG_APPEND_TIME = 1

/**
 * A record as kafkajs would hand it out, plus `headerList`. kafkajs builds `headers` as an object, which loses the order
 * among repeated names and breaks on names such as `__proto__` or `toString`; here the object is only made for who asks.
 */
export class KafkaRecord {
  readonly attributes: number
  readonly timestamp: string
  readonly offset: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headerList: readonly RecordHeader[]
  readonly isControlRecord: boolean
  readonly batchContext: BatchContext

  constructor(
    attributes: number,
    timestamp: string,
    offset: string,
    key: Buffer | null,
    value: Buffer | null,
    headers: readonly RecordHeader[],
    context: BatchContext,
  ) {
    this.attributes = attributes
    this.timestamp = timestamp
    this.offset = offset
    this.key = key
    this.value = value
    this.headerList = headers
    this.isControlRecord = context.isControlBatch ?? false
    this.batchContext = context
  }

  get magicByte(): number | undefined {
    return this.batchContext.magicByte
  }

  /** What kafkajs documents: name → value, or list of values of a repeated name. */
  get headers(): Record<string, Buffer | null | (Buffer | null)[]> {
    const object: Record<string, Buffer | null | (Buffer | null)[]> = Object.create(null)
    for (const [name, value] of this.headerList) {
      const before = object[name]
      if (before === undefined) object[name] = value
      else if (Array.isArray(before)) before.push(value)
      else object[name] = [before, value]
    }
    return object
  }
}

/**
 * Reads one record of a record batch v2: attributes int8, timestamp delta varlong, offset delta varint, key, value,
 * headers (KIP-98). Throws RangeError when the record is shorter than it says.
 */
export function decodeRecord(source: RecordBuffer, context: BatchContext): KafkaRecord {
  const reader = new Reader(source.buffer, source.offset)
  const attributes = reader.byte()
  const timestampDelta = reader.varlong()
  const offsetDelta = reader.varint()
  const timestamp =
    context.timestampType === LOG_APPEND_TIME && context.maxTimestamp
      ? context.maxTimestamp
      : add(context.firstTimestamp, timestampDelta)
  const key = reader.bytes()
  const value = reader.bytes()
  const count = reader.varint()
  let headers = NO_HEADERS
  if (count > 0) {
    const list: RecordHeader[] = []
    for (let i = 0; i < count; i++) list.push([reader.text(), reader.bytes()])
    headers = list
  }
  return new KafkaRecord(attributes, timestamp, add(context.firstOffset, offsetDelta), key, value, headers, context)
}

function add(text: string, delta: number): string {
  const number = Number(text)
  return Number.isSafeInteger(number) ? String(number + delta) : String(BigInt(text) + BigInt(delta))
}

class Reader {
  readonly #buffer: Buffer
  #at: number

  constructor(buffer: Buffer, at: number) {
    this.#buffer = buffer
    this.#at = at
  }

  byte(): number {
    return this.#buffer.readInt8(this.#at++)
  }

  /** Zigzag varint of up to 32 bits. */
  varint(): number {
    let raw = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#buffer[this.#at++]
      if (byte === undefined) throw new RangeError('a varint ends beyond its record')
      raw |= (byte & 0x7f) << shift
      if (byte < 0x80) return (raw >>> 1) ^ -(raw & 1)
    }
    throw new RangeError('a varint is longer than 32 bits')
  }

  /** Zigzag varint of up to 64 bits; exact within ±2^53, which holds every delta of milliseconds. */
  varlong(): number {
    let raw = 0
    let factor = 1
    for (let i = 0; i < 10; i++) {
      const byte = this.#buffer[this.#at++]
      if (byte === undefined) throw new RangeError('a varlong ends beyond its record')
      raw += (byte & 0x7f) * factor
      if (byte < 0x80) return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2
      factor *= 128
    }
    throw new RangeError('a varlong is longer than 64 bits')
  }

  bytes(): Buffer | null {
    const length = this.varint()
    if (length < 0) return null
    const end = this.#at + length
    if (end > this.#buffer.length) throw new RangeError('a field ends beyond its record')
    const slice = this.#buffer.subarray(this.#at, end)
    this.#at = end
    return slice
  }

  text(): string {
    const bytes = this.bytes()
    return bytes === null ? '' : bytes.toString('utf8')
  }
}
