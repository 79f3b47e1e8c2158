import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { effort } from '../effort.ts'
import { amqpContent } from './amqp-arbitrary.ts'
import { type Content, type Shown, show } from './amqp-bytes.ts'
import { fromKafka, fromRabbit, toKafka, toRabbit } from './crossing.ts'
import { expectedBack, notSent } from './expectation.ts'
import { kafkaRecord } from './kafka-arbitrary.ts'
import { type KafkaRecord, type ShownRecord, showRecord } from './kafka-bytes.ts'
import { nastyContents } from './nasty-contents.ts'
import { nastyRecords } from './nasty-records.ts'
import { fromNats, lines, toNats, type Wire } from './nats-crossing.ts'

// `sluice-made-id` is NATS' own fact; as a header from elsewhere it means nothing.
const recordBack = (sent: KafkaRecord, arrived: KafkaRecord): ShownRecord =>
  showRecord(arrived, notSent(sent.headers.map(([name]) => name)))
const contentBack = (sent: Content, arrived: Content): Shown =>
  show(arrived, notSent(sent.fields.map(({ name }) => name)))

describe('Kafka → NATS → Kafka', () => {
  const across = (sent: KafkaRecord) => toKafka(fromNats(toNats(fromKafka(sent))))

  it('gives back key, value, time, headers and their order', () => {
    fc.assert(
      fc.property(kafkaRecord(), sent => {
        expect(recordBack(sent, across(sent))).toEqual(showRecord(sent, () => false))
      }),
      { numRuns: effort(1_000) },
    )
  })

  it.each(nastyRecords)('%s', (_, sent) => {
    expect(recordBack(sent, across(sent))).toEqual(showRecord(sent, () => false))
  })
})

describe('RabbitMQ → NATS → RabbitMQ', () => {
  const across = (sent: Content) => toRabbit(fromNats(toNats(fromRabbit(sent))))

  it('gives back bytes, properties, headers, their order and their types', () => {
    fc.assert(
      fc.property(amqpContent(), sent => {
        expect(contentBack(sent, across(sent))).toEqual(expectedBack(sent))
      }),
      { numRuns: effort(500) },
    )
  })

  it.each(nastyContents)('%s', (_, sent) => {
    expect(contentBack(sent, across(sent))).toEqual(expectedBack(sent))
  })
})

describe('NATS → Kafka or RabbitMQ → NATS', () => {
  // What other clients write: names of visible ASCII, values of any bytes but line breaks, without blanks around them.
  const name = fc.oneof(
    fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,12}$/),
    fc.constantFrom('a', 'A', 'a', 'Nats-Rollup', 'Nats-TTL', 'content-type', 'message-id', 'reply-to', '__proto__'),
  )
  const value = fc
    .oneof(
      fc.uint8Array({ maxLength: 20 }),
      fc.constantFrom('', 'x', '42', 'ü', '%41', 'a b').map(text => Buffer.from(text)),
    )
    .map(bytes =>
      Buffer.from(bytes)
        .toString('latin1')
        .replace(/[\r\n\0]/g, '')
        .replace(/^[ \t]+|[ \t]+$/g, ''),
    )
  const wire = fc
    .record({ headers: fc.array(fc.tuple(name, value), { maxLength: 8 }), body: fc.uint8Array({ maxLength: 40 }) })
    .map(({ headers, body }): Wire => {
      const text = headers.map(([one, content]) => `${one}: ${content}\r\n`).join('')
      return {
        subject: 'shop.orders.created',
        block: Buffer.from(`NATS/1.0\r\n${text}\r\n`, 'latin1'),
        body: Buffer.from(body),
      }
    })
  // The id of a message without one is Sluice's choice; `sluice-…` and `Nats-Msg-Id` are its own.
  const own = (line: string) => /^(sluice-|Nats-Msg-Id: )/.test(line)
  // Commands to the server go on under an encoded name, without effect.
  const disarmed = (sent: Wire) => lines(sent.block).map(line => line.replace(/^(Nats)-/i, '$1%2D'))

  it.each([
    ['Kafka', (sent: Wire) => toNats(fromKafka(toKafka(fromNats(sent))))],
    ['RabbitMQ', (sent: Wire) => toNats(fromRabbit(toRabbit(fromNats(sent))))],
    ['NATS', (sent: Wire) => toNats(fromNats(toNats(fromNats(sent))))],
  ])('through %s: body, header lines and their order', (_, across) => {
    fc.assert(
      fc.property(wire, sent => {
        const arrived = across(sent)
        expect(arrived.body).toEqual(sent.body)
        expect(lines(arrived.block).filter(line => !own(line))).toEqual(disarmed(sent))
        // Read by Sluice, they have their names again.
        expect(fromNats(arrived).headers.entries.filter(([one]) => !one.startsWith('sluice-'))).toEqual(
          fromNats(sent).headers.entries.filter(([one]) => !one.startsWith('sluice-')),
        )
      }),
      { numRuns: effort(500) },
    )
  })

  it('keeps the id of a message that has one', () => {
    const block = Buffer.from('NATS/1.0\r\nNats-Msg-Id: order-1\r\n\r\n')
    const message = fromNats({ subject: 'a', block, body: Buffer.from('x') })
    expect(message.id).toBe('order-1')
    expect(message.properties.messageId).toBe('order-1')
    const arrived = toNats(fromKafka(toKafka(message)))
    expect(lines(arrived.block)).toContain('Nats-Msg-Id: order-1')
    expect(lines(arrived.block)).toContain('message-id: order-1')
    expect(fromNats(arrived).headers.get('Nats-Msg-Id')).toBeUndefined()
  })

  it('tells an id that Sluice made from one of the message', () => {
    const sent = fromKafka({ key: null, value: Buffer.from('x'), headers: [], timestamp: 1n })
    const arrived = toNats(sent)
    expect(lines(arrived.block)).toContain(`Nats-Msg-Id: ${sent.id}`)
    expect(fromNats(arrived).id).toBe(sent.id)
    expect(fromNats(arrived).properties.messageId).toBeUndefined()
  })
})
