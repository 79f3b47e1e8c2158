import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { ChannelModel } from 'amqplib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Properties } from '../../../src/core/message.ts'
import { type Content, ContentReader } from '../../../src/drivers/rabbitmq/content-reader.ts'
import { type Publication, PublishFrames } from '../../../src/drivers/rabbitmq/publish-frames.ts'
import { decodeTable } from '../../../src/drivers/rabbitmq/table-decode.ts'
import { Wire } from '../../../src/drivers/rabbitmq/wire.ts'
import { headerTables } from './arbitrary.ts'

const CHANNEL = 3

/** Stands where amqplib's connection object stands; bytes come in chunks of any size. */
function fakeConnection(chunks: Buffer[]) {
  const foreign: Buffer[] = []
  const inner = {
    rest: Buffer.alloc(0),
    stream: { read: () => chunks.shift() ?? null, destroy() {} },
    channels: [],
    frameMax: 4096,
    maxFrameSize: 2 ** 20,
    sentSinceLastCheck: false,
    recvSinceLastCheck: false,
    recvFrame(): unknown {
      foreign.push(Buffer.from(inner.rest))
      inner.rest = Buffer.alloc(0)
      return {}
    },
  }
  return { inner, foreign, model: { connection: inner } as unknown as ChannelModel }
}

/** A publish turned into the delivery a broker makes of it. */
function asDelivery(frames: Buffer, tag: bigint): Buffer {
  const size = frames.readUInt32BE(3)
  const method = frames.subarray(7, 7 + size)
  const names = method.subarray(6, method.length - 1)
  const head = Buffer.from([0, 60, 0, 60, 1, 0x74, 0, 0, 0, 0, 0, 0, 0, 0, 0])
  head.writeBigUInt64BE(tag, 6)
  return Buffer.concat([frame(1, CHANNEL, Buffer.concat([head, names])), frames.subarray(size + 8)])
}

function frame(type: number, channel: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(7)
  head[0] = type
  head.writeUInt16BE(channel, 1)
  head.writeUInt32BE(payload.length, 3)
  return Buffer.concat([head, payload, Buffer.from([0xce])])
}

function split(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = []
  let at = 0
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length]!
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return chunks
}

const shortText = () => fc.string({ unit: 'grapheme', maxLength: 30 }).filter(text => Buffer.byteLength(text) < 256)
const properties = (): fc.Arbitrary<Properties> =>
  fc.record(
    {
      messageId: shortText(),
      contentType: shortText(),
      contentEncoding: shortText(),
      correlationId: shortText(),
      replyTo: shortText(),
      expiration: shortText(),
      type: shortText(),
      userId: shortText(),
      appId: shortText(),
      clusterId: shortText(),
      priority: fc.integer({ min: 0, max: 255 }),
      deliveryMode: fc.integer({ min: 1, max: 2 }),
      timestamp: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    },
    { requiredKeys: [] },
  )
const publication = (): fc.Arbitrary<Publication> =>
  fc.record({
    exchange: shortText(),
    routingKey: shortText(),
    mandatory: fc.boolean(),
    properties: properties(),
    headers: headerTables(),
    body: fc.uint8Array({ maxLength: 10_000 }).map(bytes => Buffer.from(bytes)),
  })

describe('content frames', () => {
  it('come back whole from any chunks of the socket, foreign frames between them untouched', () => {
    fc.assert(
      fc.property(
        fc.array(publication(), { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 5 }),
        (publications, sizes) => {
          const encoder = new PublishFrames(CHANNEL, 4096)
          const other = frame(1, 9, Buffer.from([0, 20, 0, 11, 0, 0, 0, 0]))
          const sent: Publication[] = []
          const parts: Buffer[] = []
          for (const one of publications) {
            const chunks: Buffer[] = []
            try {
              encoder.add(one, chunk => void chunks.push(Buffer.from(chunk)))
            } catch {
              continue // headers beyond one frame of 4 KiB
            }
            encoder.flush(chunk => void chunks.push(Buffer.from(chunk)))
            sent.push(one)
            parts.push(asDelivery(Buffer.concat(chunks), BigInt(sent.length)), other)
          }
          const { foreign, inner, model } = fakeConnection(split(Buffer.concat(parts), sizes))
          const got: { content: Content; tag: number }[] = []
          const wire = new Wire(model)
          wire.attach(CHANNEL, new ContentReader({ onDeliver: (content, tag) => void got.push({ content, tag }) }))
          while (inner.recvFrame() !== false) {}
          expect(foreign).toEqual(sent.map(() => other))
          expect(got.map(({ tag }) => tag)).toEqual(sent.map((_, i) => i + 1))
          for (const [i, { content }] of got.entries()) {
            const { routingKey, body, properties, headers } = sent[i]!
            expect(content.routingKey).toBe(routingKey)
            expect(content.body.equals(body)).toBe(true)
            expect(content.properties).toEqual(properties)
            expect(content.table === undefined ? [] : decodeTable(content.table)).toEqual(headers)
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  it('hold whole frames in each chunk, however large the body', () => {
    const encoder = new PublishFrames(CHANNEL, 131_072)
    const chunks: Buffer[] = []
    const send = (chunk: Buffer) => void chunks.push(Buffer.from(chunk))
    const base = { exchange: 'e', routingKey: 'k', mandatory: true, properties: {}, headers: [] }
    for (const size of [0, 10, 16_384, 16_385, 131_064, 131_065, 1_000_000])
      encoder.add({ ...base, body: Buffer.alloc(size) }, send)
    encoder.flush(send)
    for (const chunk of chunks) {
      let at = 0
      while (at < chunk.length) {
        at += chunk.readUInt32BE(at + 3) + 8
        expect(chunk[at - 1]).toBe(0xce)
      }
      expect(at).toBe(chunk.length)
    }
  })

  it('confirms are told with their number, even beyond 32 bits', () => {
    const payload = Buffer.from([0, 60, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 1])
    payload.writeBigUInt64BE(2n ** 40n + 5n, 4)
    const { inner, model } = fakeConnection([frame(1, CHANNEL, payload)])
    const seen: unknown[] = []
    new Wire(model).attach(CHANNEL, new ContentReader({ onConfirm: (...confirm) => void seen.push(confirm) }))
    inner.recvFrame()
    expect(seen).toEqual([[2 ** 40 + 5, true, true]])
  })
})

describe('amqplib', () => {
  it('of another build is refused with a sentence instead of misread', () => {
    const { inner } = fakeConnection([])
    for (const name of ['recvFrame', 'rest', 'stream', 'channels', 'frameMax', 'maxFrameSize', 'recvSinceLastCheck']) {
      const model = { connection: { ...inner, [name]: undefined } } as unknown as ChannelModel
      expect(() => new Wire(model)).toThrow(expect.objectContaining({ code: 'NOT_SUPPORTED' }))
    }
  })

  it('is the version whose internals wire.ts knows', () => {
    const path = createRequire(import.meta.url)
      .resolve('amqplib')
      .replace(/[^/\\]+$/, 'package.json')
    expect(JSON.parse(readFileSync(path, 'utf8')).version).toMatch(/^2\.3\./)
  })
})
