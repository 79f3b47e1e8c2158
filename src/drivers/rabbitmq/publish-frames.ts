import { SluiceError } from '../../core/errors.ts'
import type { HeaderEntry } from '../../core/headers.ts'
import type { Properties } from '../../core/message.ts'
import { encodeProperties, PROPERTIES_ROOM, writeShort } from './basic-properties.ts'
import { TableEncoder } from './table-encode.ts'
import { FRAME, FRAME_OVERHEAD } from './wire.ts'

const BASIC_PUBLISH = (60 << 16) | 40
const METHOD_ROOM = FRAME_OVERHEAD + 9 + 2 * (1 + 765)
const CHUNK = 64 * 1024
/** Bodies up to this size share a chunk with their headers and their neighbours. */
const SMALL = 16 * 1024
const NO_TABLE = Buffer.alloc(0)

export interface Publication {
  readonly exchange: string
  readonly routingKey: string
  readonly mandatory: boolean
  readonly properties: Properties
  /** Names must not repeat. */
  readonly headers: readonly HeaderEntry[]
  readonly body: Buffer
}

/**
 * Encodes basic.publish with its content for one channel, many messages to a chunk. A chunk always holds whole frames:
 * amqplib puts chunks of other channels and heartbeats between them.
 */
export class PublishFrames {
  readonly #tables = new TableEncoder()
  readonly #channel: number
  readonly #frameMax: number
  #chunk: Buffer = Buffer.allocUnsafeSlow(CHUNK)
  #start = 0
  #at = 0

  constructor(channel: number, frameMax: number) {
    this.#channel = channel
    this.#frameMax = frameMax
  }

  /** Appends a message to what `flush` hands out. Throws HEADERS_INVALID and leaves nothing behind. */
  add(publication: Publication, send: (chunk: Buffer) => void): void {
    const { body, headers } = publication
    const table = headers.length === 0 ? NO_TABLE : this.#tables.encode(headers)
    const small = body.length <= SMALL && body.length <= this.#frameMax - FRAME_OVERHEAD
    const most = METHOD_ROOM + FRAME_OVERHEAD + 12 + PROPERTIES_ROOM + table.length + FRAME_OVERHEAD
    this.#reserve(most + (small ? body.length : 0), send)
    const before = this.#at
    try {
      this.#method(publication)
      this.#header(publication, table)
    } catch (error) {
      this.#at = before
      throw error
    }
    if (body.length === 0) return
    if (small) this.#body(body)
    else this.#frames(body, send)
  }

  /** Hands out what was added since the last flush, at most one chunk. */
  flush(send: (chunk: Buffer) => void): void {
    if (this.#at === this.#start) return
    send(this.#chunk.subarray(this.#start, this.#at))
    this.#start = this.#at
  }

  #reserve(bytes: number, send: (chunk: Buffer) => void): void {
    if (this.#chunk.length - this.#at >= bytes) return
    this.flush(send)
    // A chunk that was handed out is never written again; the socket may still hold it.
    this.#chunk = Buffer.allocUnsafeSlow(Math.max(CHUNK, bytes))
    this.#start = this.#at = 0
  }

  #method({ exchange, routingKey, mandatory }: Publication): void {
    const chunk = this.#chunk
    let at = this.#open(FRAME.method)
    at = chunk.writeUInt32BE(BASIC_PUBLISH, at)
    at = chunk.writeUInt16BE(0, at)
    at = writeShort(chunk, at, exchange, 'exchange')
    at = writeShort(chunk, at, routingKey, 'routing key')
    chunk[at++] = mandatory ? 1 : 0
    this.#close(at)
  }

  #header({ body, properties }: Publication, table: Buffer): void {
    const chunk = this.#chunk
    let at = this.#open(FRAME.header)
    at = chunk.writeUInt32BE(60 << 16, at)
    at = chunk.writeUInt32BE(Math.floor(body.length / 2 ** 32), at)
    at = chunk.writeUInt32BE(body.length >>> 0, at)
    at = encodeProperties(chunk, at, properties, table)
    // AMQP has one frame for all headers and properties; a larger one would cost the whole connection.
    const size = at + 1 - this.#at
    if (size > this.#frameMax)
      throw new SluiceError(
        'HEADERS_INVALID',
        `headers and properties take ${size} bytes; AMQP carries at most ${this.#frameMax} of them`,
        { hint: 'Remove headers with `set`, or raise `frame_max` of the broker.' },
      )
    this.#close(at)
  }

  #body(part: Buffer): void {
    const at = this.#open(FRAME.body)
    part.copy(this.#chunk, at)
    this.#close(at + part.length)
  }

  #frames(body: Buffer, send: (chunk: Buffer) => void): void {
    const most = this.#frameMax - FRAME_OVERHEAD
    for (let at = 0; at < body.length; at += most) {
      const part = body.subarray(at, at + most)
      this.#reserve(part.length + FRAME_OVERHEAD, send)
      this.#body(part)
    }
  }

  #open(type: number): number {
    const at = this.#at
    this.#chunk[at] = type
    this.#chunk.writeUInt16BE(this.#channel, at + 1)
    return at + 7
  }

  #close(end: number): void {
    this.#chunk.writeUInt32BE(end - this.#at - 7, this.#at + 3)
    this.#chunk[end] = FRAME.end
    this.#at = end + 1
  }
}
