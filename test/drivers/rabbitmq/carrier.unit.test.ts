import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type HeaderEntry, Headers } from '../../../src/core/headers.ts'
import { Message, type MessageFields } from '../../../src/core/message.ts'
import { packHeaders, unpackHeaders } from '../../../src/drivers/rabbitmq/carrier.ts'
import { toMessage } from '../../../src/drivers/rabbitmq/delivery.ts'
import { TableEncoder } from '../../../src/drivers/rabbitmq/table-encode.ts'
import { headerTables, repeatedTables } from './arbitrary.ts'

const encoder = new TableEncoder()
const kafka = { connection: 'log', address: 'orders', sequence: 'orders/0', position: '0:7', attempt: 1 }
const place = { connection: 'shop', queue: 'q', stream: false }

const message = (fields: Partial<MessageFields>) =>
  new Message({
    key: null,
    subject: 'orders',
    headers: Headers.EMPTY,
    bytes: Buffer.from('x'),
    timestamp: 1_700_000_000_123,
    properties: {},
    source: kafka,
    ...fields,
  })

/** Through the header table and back, as a publish and a delivery do; RabbitMQ 4 sorts the table. */
function through(sent: Message): Message {
  const sorted = packHeaders(sent).toSorted((a, b) => Buffer.compare(Buffer.from(a[0]), Buffer.from(b[0])))
  const table = Buffer.from(encoder.encode(sorted).subarray(4))
  const content = { routingKey: sent.subject, properties: sent.properties, table, body: sent.bytes ?? Buffer.alloc(0) }
  return toMessage(content, place, 1, false, 0)
}

describe('facts that AMQP has no place for', () => {
  it('come back: null and empty keys and bodies, times, repeated names in their order', () => {
    const key = fc.oneof(
      fc.constant(null),
      fc.string(),
      fc.uint8Array({ maxLength: 10 }).map(bytes => Buffer.from(bytes)),
    )
    const bytes = fc.oneof(fc.constant(null), fc.constant(Buffer.alloc(0)), fc.constant(Buffer.from('x')))
    const time = fc.integer({ min: 0, max: 8e15 })
    fc.assert(
      fc.property(key, bytes, time, fc.oneof(repeatedTables(), headerTables()), (key, bytes, timestamp, entries) => {
        const back = through(message({ key, bytes, timestamp, headers: new Headers(entries) }))
        expect(back.key).toEqual(key)
        expect(back.bytes).toEqual(bytes)
        expect(back.timestamp).toBe(timestamp)
        expect(back.headers.entries).toEqual(entries)
      }),
      { numRuns: 500 },
    )
  })

  it('add nothing to a message that RabbitMQ delivered', () => {
    const first = toMessage(
      { routingKey: 'k', properties: {}, table: undefined, body: Buffer.alloc(1) },
      place,
      1,
      false,
      5,
    )
    expect(packHeaders(first)).toEqual([])
  })

  it('are not doubled when a message passes twice', () => {
    const headers = new Headers([
      ['a', 1],
      ['a', 2],
    ])
    const once = through(message({ key: 'k', headers }))
    const twice = through(once)
    expect(packHeaders(twice)).toEqual(packHeaders(once))
  })

  it('that somebody forged or changed on the way do no harm', () => {
    const table = (entries: HeaderEntry[]) => Buffer.from(encoder.encode(entries).subarray(4))
    for (const note of ['no json', '{}', '[1]', '["a","a"]', '["gone"]', 7, null])
      expect(
        unpackHeaders(
          table([
            ['a', [1]],
            ['sluice-order', note],
          ]),
        ).headers.entries,
      ).toEqual([['a', [1]]])
    const odd = unpackHeaders(
      table([
        ['sluice-key', 3],
        ['sluice-null', 'yes'],
        ['sluice-timestamp', 'now'],
      ]),
    )
    expect(odd).toMatchObject({ key: null, isNull: false, timestamp: undefined })
  })

  it('do not hide that a table is malformed', () => {
    const broken = Buffer.from('\x0asluice-keyZ', 'latin1')
    const { headers, key } = unpackHeaders(broken)
    expect(key).toBe(null)
    expect(() => headers.entries).toThrow(expect.objectContaining({ code: 'HEADERS_INVALID' }))
  })

  it('leave other reserved headers alone', () => {
    const back = through(message({ headers: Headers.of({ 'sluice-hops': 'a', 'sluice-reason': 'NACKED' }) }))
    expect(back.headers.entries).toEqual([
      ['sluice-hops', 'a'],
      ['sluice-reason', 'NACKED'],
    ])
  })
})

describe('what the broker adds to a delivery', () => {
  const counted = Buffer.from(encoder.encode([['x-delivery-count', 3n]]).subarray(4))

  it('is told by the source, not by the headers', () => {
    const again = toMessage(
      { routingKey: 'k', properties: {}, table: counted, body: Buffer.alloc(0) },
      place,
      9,
      true,
      0,
    )
    expect(again.source).toMatchObject({ attempt: 4, position: '9', address: 'q', sequence: 'q' })
    expect(again.headers.size).toBe(0)
  })

  it('is the sender’s own at a first delivery', () => {
    const first = toMessage(
      { routingKey: 'k', properties: {}, table: counted, body: Buffer.alloc(0) },
      place,
      9,
      false,
      0,
    )
    expect(first.source.attempt).toBe(1)
    expect(first.headers.size).toBe(1)
  })

  it('gives a stream’s messages their place and identity', () => {
    const table = Buffer.from(encoder.encode([['x-stream-offset', 41n]]).subarray(4))
    const content = { routingKey: 'k', properties: {}, table, body: Buffer.alloc(0) }
    const { source, headers } = toMessage(content, { ...place, stream: true }, 2, false, 0)
    expect(source).toMatchObject({ position: '41', identity: 'shop/q/41' })
    expect(headers.size).toBe(0)
  })

  it.each([
    ['a flag only', undefined, 2],
    ['a malformed table', Buffer.from([200]), 2],
    ['a count that is no number', Buffer.from(encoder.encode([['x-delivery-count', 'many']]).subarray(4)), 2],
    ['a negative count', Buffer.from(encoder.encode([['x-delivery-count', -5n]]).subarray(4)), 2],
  ])('with %s still makes an attempt', (_, table, attempt) => {
    const content = { routingKey: 'k', properties: {}, table, body: Buffer.alloc(0) }
    expect(toMessage(content, place, 1, true, 0).source.attempt).toBe(attempt)
  })
})
