import { isUtf8 } from 'node:buffer'
import { SluiceError } from '../../core/errors.ts'
import { type HeaderTable, type HeaderValue, Typed } from '../../core/header-value.ts'
import type { HeaderEntry } from '../../core/headers.ts'

/** Deepest nesting of tables and arrays that is read or written; deeper ones are hostile. */
export const MAX_DEPTH = 64

/**
 * Decodes the fields of an AMQP 0-9-1 table (without its length) without loss: order, repeated names and exact types are
 * kept. Type letters as RabbitMQ uses them (https://www.rabbitmq.com/amqp-0-9-1-errata, section 3).
 * Throws HEADERS_INVALID for anything malformed; never reads outside `bytes`.
 */
export function decodeTable(bytes: Buffer): HeaderEntry[] {
  return new TableReader(bytes).entries(0, bytes.length, 0)
}

class TableReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  entries(start: number, end: number, depth: number): HeaderEntry[] {
    if (depth > MAX_DEPTH) throw invalid(`is nested more than ${MAX_DEPTH} deep`)
    const entries: HeaderEntry[] = []
    this.#at = start
    while (this.#at < end) {
      const length = this.#bytes[this.#take(1, end)]!
      const at = this.#take(length, end)
      const name = this.#bytes.toString(undefined, at, at + length)
      entries.push([name, this.#value(end, depth)])
    }
    return entries
  }

  // Moves on by `count` bytes and returns where they begin.
  #take(count: number, end: number): number {
    const at = this.#at
    if (count > end - at) throw invalid('ends in the middle of a value')
    this.#at = at + count
    return at
  }

  #value(end: number, depth: number): HeaderValue {
    const bytes = this.#bytes
    const tag = bytes[this.#take(1, end)]!
    switch (tag) {
      case 0x53: // S
        return this.#text(end)
      case 0x78: // x
        return this.#block(end)
      case 0x74: // t
        return bytes[this.#take(1, end)] !== 0
      case 0x56: // V
        return null
      case 0x49: // I
        return bytes.readInt32BE(this.#take(4, end))
      case 0x6c: // l
        return bytes.readBigInt64BE(this.#take(8, end))
      case 0x64: // d
        return double(bytes.readDoubleBE(this.#take(8, end)))
      case 0x46: // F
        return this.#table(end, depth)
      case 0x41: // A
        return this.#list(end, depth)
      case 0x54: // T
        return new Typed('timestamp', bytes.readBigUInt64BE(this.#take(8, end)))
      case 0x44: // D
        return this.#decimal(end)
      default:
        return this.#small(tag, end)
    }
  }

  #small(tag: number, end: number): HeaderValue {
    const bytes = this.#bytes
    switch (tag) {
      case 0x62: // b
        return new Typed('int8', bytes.readInt8(this.#take(1, end)))
      case 0x42: // B
        return new Typed('uint8', bytes.readUInt8(this.#take(1, end)))
      case 0x73: // s
        return new Typed('int16', bytes.readInt16BE(this.#take(2, end)))
      case 0x75: // u
        return new Typed('uint16', bytes.readUInt16BE(this.#take(2, end)))
      case 0x69: // i
        return new Typed('uint32', bytes.readUInt32BE(this.#take(4, end)))
      case 0x66: // f
        return new Typed('float', bytes.readFloatBE(this.#take(4, end)))
      default:
        throw invalid(`has a value of the unknown type 0x${tag.toString(16).padStart(2, '0')}`)
    }
  }

  #block(end: number): Buffer {
    const length = this.#bytes.readUInt32BE(this.#take(4, end))
    const at = this.#take(length, end)
    return this.#bytes.subarray(at, at + length)
  }

  #text(end: number): HeaderValue {
    const length = this.#bytes.readUInt32BE(this.#take(4, end))
    const at = this.#take(length, end)
    const text = this.#bytes.toString(undefined, at, at + length)
    // Bytes that are no UTF-8 leave replacement characters; so does a text that really has them.
    if (!text.includes('\ufffd')) return text
    const bytes = this.#bytes.subarray(at, at + length)
    return isUtf8(bytes) ? text : new Typed('text', bytes)
  }

  #decimal(end: number): Typed {
    const at = this.#take(5, end)
    return new Typed('decimal', { places: this.#bytes[at]!, digits: this.#bytes.readUInt32BE(at + 1) })
  }

  #list(end: number, depth: number): HeaderValue[] {
    if (depth >= MAX_DEPTH) throw invalid(`is nested more than ${MAX_DEPTH} deep`)
    const length = this.#bytes.readUInt32BE(this.#take(4, end))
    const until = this.#take(length, end) + length
    const list: HeaderValue[] = []
    this.#at = until - length
    while (this.#at < until) list.push(this.#value(until, depth + 1))
    return list
  }

  #table(end: number, depth: number): HeaderTable {
    const length = this.#bytes.readUInt32BE(this.#take(4, end))
    const start = this.#take(length, end)
    // No prototype: a field may be called `__proto__`. Of repeated names in a nested table the last counts.
    const table: Record<string, HeaderValue> = Object.create(null)
    for (const [name, value] of this.entries(start, start + length, depth + 1)) table[name] = value
    return table
  }
}

// A bare number means int32 where it is an integer in that range (core/header-value.ts), so such doubles are marked.
function double(value: number): HeaderValue {
  return (value | 0) === value ? new Typed('double', value) : value
}

function invalid(what: string): SluiceError {
  return new SluiceError('HEADERS_INVALID', `the AMQP header table ${what}`)
}
