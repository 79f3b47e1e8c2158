import { type Content, decodeProperties, encodeProperties, short } from './amqp-bytes.ts'

/** A frame of AMQP 0-9-1 without its end mark: 1 method, 2 content header, 3 body, 8 heartbeat. */
export interface Frame {
  readonly type: number
  readonly channel: number
  readonly payload: Buffer
}

export const BASIC = 60
export const PUBLISH = 40
export const DELIVER = 60

export function frame(type: number, channel: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(7)
  head.writeUInt8(type, 0)
  head.writeUInt16BE(channel, 1)
  head.writeUInt32BE(payload.length, 3)
  return Buffer.concat([head, payload, Buffer.from([0xce])])
}

/** The whole frames at the beginning of `bytes`, and what is left behind them. */
export function splitFrames(bytes: Buffer): { readonly frames: readonly Frame[]; readonly rest: Buffer } {
  const frames: Frame[] = []
  let at = 0
  while (bytes.length - at >= 8) {
    const end = at + 7 + bytes.readUInt32BE(at + 3)
    if (end >= bytes.length) break
    if (bytes[end] !== 0xce) throw new Error('a frame does not end where it says')
    frames.push({
      type: bytes.readUInt8(at),
      channel: bytes.readUInt16BE(at + 1),
      payload: bytes.subarray(at + 7, end),
    })
    at = end + 1
  }
  return { frames, rest: bytes.subarray(at) }
}

export function method(channel: number, classId: number, methodId: number, ...parts: readonly Buffer[]): Buffer {
  const ids = Buffer.alloc(4)
  ids.writeUInt16BE(classId, 0)
  ids.writeUInt16BE(methodId, 2)
  return frame(1, channel, Buffer.concat([ids, ...parts]))
}

/** Content header and body frames of a message. */
export function contentFrames(channel: number, content: Content): Buffer {
  const head = Buffer.alloc(12)
  head.writeUInt16BE(BASIC, 0)
  head.writeBigUInt64BE(BigInt(content.body.length), 4)
  const header = frame(2, channel, Buffer.concat([head, encodeProperties(content)]))
  return content.body.length === 0 ? header : Buffer.concat([header, frame(3, channel, content.body)])
}

export function publishFrames(channel: number, exchange: string, content: Content): Buffer {
  const parts = [Buffer.alloc(2), short(exchange), short(content.routingKey), Buffer.alloc(1)]
  return Buffer.concat([method(channel, BASIC, PUBLISH, ...parts), contentFrames(channel, content)])
}

export function deliverFrames(channel: number, exchange: string, content: Content): Buffer {
  const tag = Buffer.alloc(9)
  tag[7] = 1
  const parts = [short('consumer'), tag, short(exchange), short(content.routingKey)]
  return Buffer.concat([method(channel, BASIC, DELIVER, ...parts), contentFrames(channel, content)])
}

/** Puts messages together from their frames. */
export class ContentFrames {
  readonly contents: Content[] = []
  #routingKey: Buffer | undefined
  #header: Pick<Content, 'properties' | 'fields'> | undefined
  #missing = 0
  #parts: Buffer[] = []

  /** True when the frame belongs to a message (basic.publish, basic.deliver, content header, body). */
  take({ type, payload }: Frame): boolean {
    if (type === 1) {
      if (payload.readUInt16BE(0) !== BASIC) return false
      const id = payload.readUInt16BE(2)
      // publish: reserved, exchange, key · deliver: consumer tag, delivery tag, redelivered, exchange, key
      const exchange = id === PUBLISH ? 6 : id === DELIVER ? 4 + 1 + payload[4]! + 9 : undefined
      if (exchange === undefined) return false
      const key = exchange + 1 + payload[exchange]!
      this.#routingKey = payload.subarray(key + 1, key + 1 + payload[key]!)
      return true
    }
    if (type === 2) {
      this.#missing = Number(payload.readBigUInt64BE(4))
      this.#header = decodeProperties(payload.subarray(12))
    } else if (type === 3) {
      this.#missing -= payload.length
      this.#parts.push(payload)
    } else return false
    if (this.#missing === 0) this.#complete()
    return true
  }

  #complete(): void {
    if (this.#routingKey === undefined || this.#header === undefined) throw new Error('content without its method')
    this.contents.push({ routingKey: this.#routingKey, ...this.#header, body: Buffer.concat(this.#parts) })
    this.#parts = []
    this.#header = undefined
  }
}
