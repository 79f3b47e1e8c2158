import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { fromKafka, fromRabbit, toKafka, toRabbit } from './crossing.ts'
import { HOPS, order, refund } from './examples.ts'
import { sorted } from './expectation.ts'
import { printContent, printRecord } from './print.ts'

// docs/mapping.md shows what these print; examples.test.ts holds the same page against real brokers.

const page = readFileSync(join(import.meta.dirname, '../../docs/mapping.md'), 'utf8')
const blocks = [...page.matchAll(/^```text\n([\s\S]*?)\n```$/gm)].map(([, text]) => text)

it('the page shows the order, how Kafka has it, and how RabbitMQ has it again', () => {
  expect(blocks).toContain(printContent(order))
  const record = toKafka(fromRabbit(order), HOPS.orders, '${headers.customer}')
  expect(blocks).toContain(printRecord(record))
  expect(blocks).toContain(printContent(sorted(toRabbit(fromKafka(record), HOPS.back))))
})

it('the page shows the refund, how RabbitMQ has it, and how Kafka has it again', () => {
  expect(blocks).toContain(printRecord(refund))
  const content = sorted(toRabbit(fromKafka(refund, 'shop.refunds'), HOPS.refunds))
  expect(blocks).toContain(printContent(content))
  expect(blocks).toContain(printRecord(toKafka(fromRabbit(content), HOPS.back)))
})
