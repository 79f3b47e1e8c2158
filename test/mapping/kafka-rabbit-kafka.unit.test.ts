import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { effort } from '../effort.ts'
import type { Content } from './amqp-bytes.ts'
import { fromKafka, fromRabbit, toKafka, toRabbit } from './crossing.ts'
import { notSent, sorted } from './expectation.ts'
import { kafkaRecord, namesOnce } from './kafka-arbitrary.ts'
import { type KafkaRecord, type ShownRecord, showRecord } from './kafka-bytes.ts'
import { nastyRecords } from './nasty-records.ts'

const back = (sent: KafkaRecord, arrived: KafkaRecord): ShownRecord =>
  showRecord(arrived, notSent(sent.headers.map(([name]) => name)))
const asSent = (sent: KafkaRecord): ShownRecord => showRecord(sent, () => false)

describe('Kafka → RabbitMQ → Kafka', () => {
  it('gives back key, value, time, headers and their order', () => {
    fc.assert(
      fc.property(kafkaRecord(), sent => {
        const arrived = toKafka(fromRabbit(toRabbit(fromKafka(sent))))
        expect(back(sent, arrived)).toEqual(asSent(sent))
      }),
      { numRuns: effort(3_000) },
    )
  })

  it('also where RabbitMQ 4 sorts the headers on the way, and twice', () => {
    fc.assert(
      fc.property(kafkaRecord(), sent => {
        const once = toKafka(fromRabbit(sorted(toRabbit(fromKafka(sent)))))
        const twice = toKafka(fromRabbit(sorted(toRabbit(fromKafka(once)))))
        expect(back(sent, twice)).toEqual(asSent(sent))
      }),
      { numRuns: effort(1_000) },
    )
  })

  it('also where RabbitMQ would not believe the user id', () => {
    fc.assert(
      fc.property(kafkaRecord(), sent => {
        const arrived = toKafka(fromRabbit(toRabbit(fromKafka(sent), undefined, false)))
        expect(back(sent, arrived)).toEqual(asSent(sent))
      }),
      { numRuns: effort(1_000) },
    )
  })

  it('also where a stream of RabbitMQ 4 makes text of bytes on the way', () => {
    fc.assert(
      fc.property(kafkaRecord().filter(namesOnce), sent => {
        const arrived = toKafka(fromRabbit(sorted(asText(toRabbit(fromKafka(sent))))))
        expect(back(sent, arrived)).toEqual(asSent(sent))
      }),
      { numRuns: effort(1_000) },
    )
  })

  it.each(nastyRecords)('%s', (_, sent) => {
    const arrived = toKafka(fromRabbit(toRabbit(fromKafka(sent))))
    expect(back(sent, arrived)).toEqual(asSent(sent))
  })
})

function asText(content: Content): Content {
  return { ...content, fields: content.fields.map(field => ({ ...field, tag: field.tag === 'x' ? 'S' : field.tag })) }
}
