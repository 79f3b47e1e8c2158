import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { effort } from '../effort.ts'
import { amqpContent } from './amqp-arbitrary.ts'
import { type Content, show } from './amqp-bytes.ts'
import { fromKafka, fromRabbit, toKafka, toRabbit } from './crossing.ts'
import { expectedBack, notSent, sorted } from './expectation.ts'
import { kafkaRecord } from './kafka-arbitrary.ts'
import { type KafkaRecord, showRecord } from './kafka-bytes.ts'
import { nastyContents } from './nasty-contents.ts'
import { nastyRecords } from './nasty-records.ts'
import { fromPulsar, type StoredMessage, toPulsar } from './pulsar-crossing.ts'

const reversed = (names: string[]) => names.toReversed()
const asSent = (sent: KafkaRecord) => showRecord(sent, () => false)
const asBack = (sent: KafkaRecord, arrived: KafkaRecord) =>
  showRecord(arrived, notSent(sent.headers.map(([name]) => name)))

describe('Kafka → Pulsar → Kafka', () => {
  it('gives back key, value, time, headers and their order', () => {
    fc.assert(
      fc.property(kafkaRecord(), sent => {
        const arrived = toKafka(fromPulsar(toPulsar(fromKafka(sent)), reversed))
        expect(asBack(sent, arrived)).toEqual(asSent(sent))
      }),
      { numRuns: effort(2_000) },
    )
  })

  it('also where it passes twice', () => {
    fc.assert(
      fc.property(kafkaRecord(), sent => {
        const once = fromPulsar(toPulsar(fromKafka(sent)), reversed)
        const arrived = toKafka(fromPulsar(toPulsar(once), reversed))
        expect(asBack(sent, arrived)).toEqual(asSent(sent))
      }),
      { numRuns: effort(1_000) },
    )
  })

  it.each(nastyRecords)('%s', (_, sent) => {
    expect(asBack(sent, toKafka(fromPulsar(toPulsar(fromKafka(sent)), reversed)))).toEqual(asSent(sent))
  })
})

describe('RabbitMQ → Pulsar → RabbitMQ', () => {
  const hide = (sent: Content) => notSent(sent.fields.map(({ name }) => name))
  const back = (sent: Content) => {
    const arrived = toRabbit(fromPulsar(toPulsar(fromRabbit(sent)), reversed))
    return show(sorted(arrived), hide(sent))
  }

  it('gives back routing key, properties, headers and their types', () => {
    fc.assert(
      fc.property(amqpContent(), sent => {
        expect(back(sent)).toEqual(expectedBack(sorted(sent), hide(sent)))
      }),
      { numRuns: effort(1_000) },
    )
  })

  it.each(nastyContents)('%s', (_, sent) => {
    expect(back(sent)).toEqual(expectedBack(sorted(sent), hide(sent)))
  })
})

describe('Pulsar → Kafka → Pulsar', () => {
  it('gives back what a producer of Pulsar wrote', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 20 })
    const name = fc.oneof(
      text.filter(one => !one.startsWith('sluice-')),
      fc.constantFrom('a', 'b', 'content-type', 'message-id', '__proto__', '10', ''),
    )
    const stored: fc.Arbitrary<StoredMessage> = fc.record({
      payload: fc.uint8Array({ maxLength: 30 }).map(bytes => Buffer.from(bytes)),
      properties: fc.dictionary(name, text, { noNullPrototype: false, maxKeys: 8 }),
      key: fc.oneof(
        fc.constant(undefined),
        text.filter(one => one.length > 0),
      ),
      eventTime: fc.integer({ min: 1, max: 253_402_300_799_999 }),
    })
    fc.assert(
      fc.property(stored, sent => {
        const { payload, properties, key, eventTime } = toPulsar(fromKafka(toKafka(fromPulsar(sent, reversed))))
        const own = Object.entries(properties).filter(([one]) => !one.startsWith('sluice-') || one in sent.properties)
        expect({ payload, key, eventTime }).toEqual({ payload: sent.payload, key: sent.key, eventTime: sent.eventTime })
        expect(own.sort()).toEqual(Object.entries(sent.properties).sort())
      }),
      { numRuns: effort(1_000) },
    )
  })
})
