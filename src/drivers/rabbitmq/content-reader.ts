import type { Properties } from '../../core/message.ts'
import { textOfBytes } from '../../core/raw-text.ts'
import { decodeProperties } from './basic-properties.ts'
import { FRAME, type FrameTaker } from './wire.ts'

// Class and method ids of the methods that Sluice reads itself (AMQP 0-9-1, class basic = 60).
const BASIC_RETURN = (60 << 16) | 50
const BASIC_DELIVER = (60 << 16) | 60
const BASIC_ACK = (60 << 16) | 80
const BASIC_NACK = (60 << 16) | 120

export interface Content {
  readonly routingKey: string
  readonly properties: Properties
  /** Raw fields of the header table; undefined when it is absent or empty. */
  readonly table: Buffer | undefined
  readonly body: Buffer
}

export interface ContentListener {
  onDeliver?(content: Content, tag: number, redelivered: boolean): void
  onReturn?(content: Content, exchange: string, code: number, reason: string): void
  onConfirm?(tag: number, multiple: boolean, ok: boolean): void
}

/** Puts the frames of one channel together to deliveries, returns and confirms. */
export class ContentReader implements FrameTaker {
  readonly #listener: ContentListener
  // The method frame that announced the content now being read.
  #bytes: Buffer | undefined
  #at = 0
  #properties: Properties = {}
  #table: Buffer | undefined
  #missing = 0
  #parts: Buffer[] = []
  // Routing keys repeat; the last one is kept so that most are not decoded again.
  #key: Buffer = Buffer.alloc(0)
  #keyText = ''

  constructor(listener: ContentListener) {
    this.#listener = listener
  }

  take(type: number, bytes: Buffer, at: number, size: number): boolean {
    if (type === FRAME.method) return this.#method(bytes, at)
    if (type === FRAME.header) this.#header(bytes, at)
    else if (type === FRAME.body) this.#body(bytes.subarray(at, at + size))
    else return false
    return true
  }

  #method(bytes: Buffer, at: number): boolean {
    const id = bytes.readUInt32BE(at)
    if (id === BASIC_DELIVER || id === BASIC_RETURN) {
      this.#bytes = bytes
      this.#at = at
    } else if (id === BASIC_ACK || id === BASIC_NACK)
      this.#listener.onConfirm?.(tagAt(bytes, at + 4), (bytes[at + 12]! & 1) === 1, id === BASIC_ACK)
    else return false
    return true
  }

  #header(bytes: Buffer, at: number): void {
    this.#missing = tagAt(bytes, at + 4)
    const header = decodeProperties(bytes, at + 12)
    this.#properties = header.properties
    this.#table = header.table
    if (this.#missing === 0) this.#complete(Buffer.alloc(0))
  }

  #body(part: Buffer): void {
    this.#missing -= part.length
    if (this.#missing > 0) this.#parts.push(part)
    else if (this.#parts.length === 0) this.#complete(part)
    else {
      this.#parts.push(part)
      const whole = Buffer.concat(this.#parts)
      this.#parts = []
      this.#complete(whole)
    }
  }

  #complete(body: Buffer): void {
    const bytes = this.#bytes
    if (bytes === undefined) return
    this.#bytes = undefined
    let at = this.#at + 4
    if (bytes.readUInt32BE(this.#at) === BASIC_DELIVER) {
      at += 1 + bytes[at]!
      const tag = tagAt(bytes, at)
      const redelivered = (bytes[at + 8]! & 1) === 1
      at += 9
      at += 1 + bytes[at]!
      this.#listener.onDeliver?.(this.#content(this.#routingKey(bytes, at), body), tag, redelivered)
      return
    }
    const code = bytes.readUInt16BE(at)
    const reason = short(bytes, at + 2)
    at += 3 + bytes[at + 2]!
    const exchange = short(bytes, at)
    at += 1 + bytes[at]!
    this.#listener.onReturn?.(this.#content(short(bytes, at), body), exchange, code, reason)
  }

  #content(routingKey: string, body: Buffer): Content {
    return { routingKey, properties: this.#properties, table: this.#table, body }
  }

  #routingKey(bytes: Buffer, at: number): string {
    const length = bytes[at]!
    const key = this.#key
    if (length === key.length) {
      let i = 0
      while (i < length && bytes[at + 1 + i] === key[i]) i++
      if (i === length) return this.#keyText
    }
    this.#key = Buffer.from(bytes.subarray(at + 1, at + 1 + length))
    return (this.#keyText = short(bytes, at))
  }
}

function short(bytes: Buffer, at: number): string {
  return textOfBytes(bytes, at + 1, at + 1 + bytes[at]!)
}

// Delivery tags and sizes are 64 bit on the wire; no channel or body gets beyond 2^53.
function tagAt(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4)
}
