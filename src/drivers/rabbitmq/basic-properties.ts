import { SluiceError } from '../../core/errors.ts'
import type { Properties } from '../../core/message.ts'
import { bytesOfText, textOfBytes } from '../../core/raw-text.ts'

// Flag bits of AMQP 0-9-1 basic content properties, in the order the values follow each other.
const HEADERS = 0x2000
const DELIVERY_MODE = 0x1000
const PRIORITY = 0x0800
const TIMESTAMP = 0x0040
type ShortText = Exclude<keyof Properties, 'priority' | 'deliveryMode' | 'timestamp'>
const BEFORE_HEADERS: readonly (readonly [number, ShortText])[] = [
  [0x8000, 'contentType'],
  [0x4000, 'contentEncoding'],
]
const BEFORE_TIMESTAMP: readonly (readonly [number, ShortText])[] = [
  [0x0400, 'correlationId'],
  [0x0200, 'replyTo'],
  [0x0100, 'expiration'],
  [0x0080, 'messageId'],
]
const LAST: readonly (readonly [number, ShortText])[] = [
  [0x0020, 'type'],
  [0x0010, 'userId'],
  [0x0008, 'appId'],
  [0x0004, 'clusterId'],
]
const LAST_FLAGS = 0x003c
const NONE: Properties = Object.freeze({})

type Writable = { -readonly [K in keyof Properties]: Properties[K] }

export interface ContentHeader {
  readonly properties: Properties
  /** The fields of the header table without its length; undefined when there are none. */
  readonly table: Buffer | undefined
}

/** Reads the flags and values of a content header frame, from `at` on. Throws RangeError when they end too early. */
export function decodeProperties(bytes: Buffer, at: number): ContentHeader {
  const flags = bytes.readUInt16BE(at)
  at += 2
  if (flags === 0) return { properties: NONE, table: undefined }
  const properties: Writable = {}
  let table: Buffer | undefined
  const texts = (fields: typeof LAST) => {
    for (const [flag, name] of fields)
      if (flags & flag) {
        const length = bytes.readUInt8(at)
        properties[name] = textOfBytes(bytes, at + 1, at + 1 + length)
        at += 1 + length
      }
  }
  if (flags & 0xc000) texts(BEFORE_HEADERS)
  if (flags & HEADERS) {
    const length = bytes.readUInt32BE(at)
    if (length > 0) table = bytes.subarray(at + 4, at + 4 + length)
    at += 4 + length
  }
  if (flags & DELIVERY_MODE) properties.deliveryMode = bytes.readUInt8(at++)
  if (flags & PRIORITY) properties.priority = bytes.readUInt8(at++)
  if (flags & 0x0780) texts(BEFORE_TIMESTAMP)
  if (flags & TIMESTAMP) {
    properties.timestamp = bytes.readBigUInt64BE(at)
    at += 8
  }
  if (flags & LAST_FLAGS) texts(LAST)
  return { properties, table }
}

/** Most bytes `encodeProperties` writes beside the header table. */
export const PROPERTIES_ROOM = 2 + 10 * (1 + 765) + 10

/**
 * Writes flags, values and `table` (with its length; empty = none) at `at`, where PROPERTIES_ROOM + table.length bytes must
 * be free. Returns the end. Throws HEADERS_INVALID for what does not fit.
 */
export function encodeProperties(bytes: Buffer, at: number, properties: Properties, table: Buffer): number {
  const start = at
  let flags = 0
  at += 2
  const texts = (fields: typeof LAST) => {
    for (const [flag, name] of fields) {
      const value = properties[name]
      if (value === undefined) continue
      flags |= flag
      at = writeShort(bytes, at, value, name)
    }
  }
  texts(BEFORE_HEADERS)
  if (table.length > 0) {
    flags |= HEADERS
    at += table.copy(bytes, at)
  }
  if (properties.deliveryMode !== undefined) {
    flags |= DELIVERY_MODE
    bytes[at++] = octet(properties.deliveryMode, 'deliveryMode')
  }
  if (properties.priority !== undefined) {
    flags |= PRIORITY
    bytes[at++] = octet(properties.priority, 'priority')
  }
  texts(BEFORE_TIMESTAMP)
  if (properties.timestamp !== undefined) {
    flags |= TIMESTAMP
    const seconds = properties.timestamp
    if (BigInt.asUintN(64, seconds) !== seconds)
      throw new SluiceError('HEADERS_INVALID', `the property timestamp ${seconds} does not fit 64 bits`)
    at = bytes.writeBigUInt64BE(seconds, at)
  }
  texts(LAST)
  bytes.writeUInt16BE(flags, start)
  return at
}

/** A short string: at most 255 bytes behind their length, UTF-8 or as `textOfBytes` read them. Returns the end. Throws HEADERS_INVALID. */
export function writeShort(bytes: Buffer, at: number, value: string, name: string): number {
  let length = value.length > 255 ? 256 : bytes.write(value, at + 1, 'utf8')
  if (length > value.length && !value.isWellFormed()) length = bytesOfText(value).copy(bytes, at + 1)
  if (length > 255)
    throw new SluiceError('HEADERS_INVALID', `the ${name} "${value.slice(0, 40)}…" is longer than AMQP's 255 bytes`)
  bytes[at] = length
  return at + 1 + length
}

function octet(value: number, name: string): number {
  if (Number.isInteger(value) && value >= 0 && value <= 255) return value
  throw new SluiceError('HEADERS_INVALID', `the property ${name} ${value} is not an integer from 0 to 255`)
}
