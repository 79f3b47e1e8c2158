import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { effort } from '../effort.ts'
import { amqpContent } from './amqp-arbitrary.ts'
import { type Content, type Shown, show } from './amqp-bytes.ts'
import { fromKafka, fromRabbit, toKafka, toRabbit } from './crossing.ts'
import { expectedBack, notSent, sorted } from './expectation.ts'
import { nastyContents } from './nasty-contents.ts'

const across = (sent: Content): Content => toRabbit(fromKafka(toKafka(fromRabbit(sent))))
const back = (sent: Content, arrived: Content): Shown => show(arrived, notSent(sent.fields.map(({ name }) => name)))

describe('RabbitMQ → Kafka → RabbitMQ', () => {
  it('gives back bytes, properties, headers, their order and their types', () => {
    fc.assert(
      fc.property(amqpContent(), sent => {
        expect(back(sent, across(sent))).toEqual(expectedBack(sent))
      }),
      { numRuns: effort(2_000) },
    )
  })

  it('also where RabbitMQ 4 sorts the headers on the way', () => {
    fc.assert(
      fc.property(amqpContent(), sent => {
        const first = toRabbit(fromKafka(toKafka(fromRabbit(sorted(sent)))))
        const second = toRabbit(fromKafka(toKafka(fromRabbit(sorted(first)))))
        expect(back(sent, sorted(second))).toEqual(expectedBack(sorted(sent)))
      }),
      { numRuns: effort(500) },
    )
  })

  it.each(nastyContents)('%s', (_, sent) => {
    expect(back(sent, across(sent))).toEqual(expectedBack(sent))
  })
})
