import { SluiceError } from '../../core/errors.ts'
import { type Decimal, type HeaderTable, type HeaderValue, Typed } from '../../core/header-value.ts'
import type { HeaderEntry } from '../../core/headers.ts'
import { MAX_DEPTH } from './table-decode.ts'

const LARGEST = 16 * 2 ** 20

type Narrow = 'int8' | 'uint8' | 'int16' | 'uint16' | 'int32' | 'uint32' | 'float' | 'double'
interface Form {
  readonly letter: string
  readonly size: number
  /** Throws RangeError for a value that the type does not hold. */
  write(bytes: Buffer, value: number, at: number): number
}
const NARROW: Readonly<Record<Narrow, Form>> = {
  int8: { letter: 'b', size: 1, write: (bytes, value, at) => bytes.writeInt8(value, at) },
  uint8: { letter: 'B', size: 1, write: (bytes, value, at) => bytes.writeUInt8(value, at) },
  int16: { letter: 's', size: 2, write: (bytes, value, at) => bytes.writeInt16BE(value, at) },
  uint16: { letter: 'u', size: 2, write: (bytes, value, at) => bytes.writeUInt16BE(value, at) },
  int32: { letter: 'I', size: 4, write: (bytes, value, at) => bytes.writeInt32BE(value, at) },
  uint32: { letter: 'i', size: 4, write: (bytes, value, at) => bytes.writeUInt32BE(value, at) },
  float: { letter: 'f', size: 4, write: (bytes, value, at) => bytes.writeFloatBE(value, at) },
  double: { letter: 'd', size: 8, write: (bytes, value, at) => bytes.writeDoubleBE(value, at) },
}

/**
 * Encodes header tables with exact types into a buffer of its own that grows and is used again: the bytes are valid until
 * the next `encode`. Throws HEADERS_INVALID for what AMQP 0-9-1 cannot carry.
 */
export class TableEncoder {
  #bytes = Buffer.allocUnsafeSlow(4096)
  #at = 0

  /** The table with its length in front. Names must not repeat (see carrier.ts). */
  encode(entries: readonly HeaderEntry[]): Buffer {
    this.#at = 0
    this.#fields(entries, 0)
    return this.#bytes.subarray(0, this.#at)
  }

  // Reserves `count` bytes and returns where they begin.
  #room(count: number): number {
    const at = this.#at
    const needed = at + count
    if (needed > this.#bytes.length) {
      if (needed > LARGEST) throw invalid('the headers take more than 16 MiB')
      const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, needed))
      this.#bytes.copy(larger, 0, 0, at)
      this.#bytes = larger
    }
    this.#at = needed
    return at
  }

  #fields(entries: Iterable<HeaderEntry>, depth: number): void {
    if (depth > MAX_DEPTH) throw invalid(`a header is nested more than ${MAX_DEPTH} deep`)
    const start = this.#room(4)
    for (const [name, value] of entries) {
      this.#name(name)
      this.#value(name, value, depth)
    }
    this.#bytes.writeUInt32BE(this.#at - start - 4, start)
  }

  #name(name: string): void {
    if (name.length > 255) throw longName(name)
    const at = this.#room(1 + name.length * 3)
    const length = this.#bytes.write(name, at + 1, 'utf8')
    if (length > 255) throw longName(name)
    this.#bytes[at] = length
    this.#at = at + 1 + length
  }

  #value(name: string, value: HeaderValue, depth: number): void {
    if (typeof value === 'string') return this.#text(value)
    if (typeof value === 'number') return this.#number(name, value)
    if (typeof value === 'boolean') {
      const at = this.#tag('t', 1)
      this.#bytes[at] = value ? 1 : 0
    } else if (typeof value === 'bigint') this.#int64(name, value)
    else if (value === null) this.#tag('V', 0)
    else if (Buffer.isBuffer(value)) this.#block('x', value)
    else if (value instanceof Typed) this.#typed(name, value)
    else if (Array.isArray(value)) this.#list(name, value, depth)
    else {
      this.#tag('F', 0)
      this.#fields(Object.entries(value as HeaderTable), depth + 1)
    }
  }

  #tag(letter: string, count: number): number {
    const at = this.#room(1 + count)
    this.#bytes[at] = letter.charCodeAt(0)
    return at + 1
  }

  #text(value: string): void {
    const at = this.#tag('S', 4 + value.length * 3)
    const length = this.#bytes.write(value, at + 4, 'utf8')
    this.#bytes.writeUInt32BE(length, at)
    this.#at = at + 4 + length
  }

  #block(letter: string, value: Buffer): void {
    const at = this.#tag(letter, 4 + value.length)
    this.#bytes.writeUInt32BE(value.length, at)
    value.copy(this.#bytes, at + 4)
  }

  #number(name: string, value: number): void {
    if (!Number.isFinite(value)) throw noNumber(name, value)
    if ((value | 0) === value && !Object.is(value, -0)) {
      const at = this.#tag('I', 4)
      this.#bytes.writeInt32BE(value, at)
    } else {
      const at = this.#tag('d', 8)
      this.#bytes.writeDoubleBE(value, at)
    }
  }

  #int64(name: string, value: bigint): void {
    if (BigInt.asIntN(64, value) !== value) throw invalid(`header "${name}": ${value} does not fit an int64`)
    const at = this.#tag('l', 8)
    this.#bytes.writeBigInt64BE(value, at)
  }

  #list(name: string, list: readonly HeaderValue[], depth: number): void {
    if (depth >= MAX_DEPTH) throw invalid(`header "${name}" is nested more than ${MAX_DEPTH} deep`)
    const at = this.#tag('A', 4)
    for (const item of list) this.#value(name, item, depth + 1)
    this.#bytes.writeUInt32BE(this.#at - at - 4, at)
  }

  #typed(name: string, typed: Typed): void {
    const { type, value } = typed
    if (type === 'text') {
      if (!Buffer.isBuffer(value)) throw mismatch(name, typed)
      return this.#block('S', value)
    }
    if (type === 'decimal') return this.#decimal(name, typed)
    if (typeof value === 'object') throw mismatch(name, typed)
    if (type === 'timestamp' || type === 'int64') return this.#wide(name, type, value)
    this.#narrow(name, typed, Number(value))
  }

  #wide(name: string, type: 'timestamp' | 'int64', value: number | bigint): void {
    if (typeof value === 'number' && !Number.isInteger(value)) throw mismatch(name, new Typed(type, value))
    if (type === 'int64') return this.#int64(name, BigInt(value))
    const seconds = BigInt(value)
    if (BigInt.asUintN(64, seconds) !== seconds) throw mismatch(name, new Typed(type, value))
    const at = this.#tag('T', 8)
    this.#bytes.writeBigUInt64BE(seconds, at)
  }

  #decimal(name: string, typed: Typed): void {
    const { places, digits } = typed.value as Decimal
    if (!Number.isInteger(places) || places < 0 || places > 255 || digits !== digits >>> 0) throw mismatch(name, typed)
    const at = this.#tag('D', 5)
    this.#bytes[at] = places
    this.#bytes.writeUInt32BE(digits, at + 1)
  }

  #narrow(name: string, typed: Typed, value: number): void {
    if (!Number.isFinite(value)) throw noNumber(name, value)
    if (typed.type !== 'double' && typed.type !== 'float' && !Number.isInteger(value)) throw mismatch(name, typed)
    const form = NARROW[typed.type as Narrow] as Form | undefined
    if (form === undefined) throw mismatch(name, typed)
    // Making room may put another buffer in the place of this one: first the room, then the buffer.
    const at = this.#tag(form.letter, form.size)
    try {
      form.write(this.#bytes, value, at)
    } catch (error) {
      if (error instanceof RangeError) throw mismatch(name, typed)
      throw error
    }
  }
}

function longName(name: string): SluiceError {
  return invalid(`the header name "${name.slice(0, 40)}…" is longer than AMQP's 255 bytes`)
}

function mismatch(name: string, typed: Typed): SluiceError {
  const value = typeof typed.value === 'object' ? 'its value' : String(typed.value)
  return invalid(`header "${name}": ${value} is not a valid ${typed.type}`)
}

// Erlang has no such numbers: RabbitMQ ends the connection over them.
function noNumber(name: string, value: number): SluiceError {
  return invalid(`header "${name}": RabbitMQ has no ${value}`)
}

function invalid(what: string): SluiceError {
  return new SluiceError('HEADERS_INVALID', what)
}
