import { type Content, encodeFields, type Field, long, short } from './amqp-bytes.ts'
import type { KafkaRecord } from './kafka-bytes.ts'

// The two messages of docs/mapping.md, "Two messages, seen from both sides".

/** What the routes of the page leave in `sluice-hops`: their name, and a fingerprint of where they are from and go to. */
export const HOPS = { orders: 'orders@5f0c2a9d', refunds: 'refunds@c41e77b0', back: 'back@81d3e7b4' } as const

const hex = (text: string) => Buffer.from(text, 'hex')
const field = (name: string, tag: string, payload: Buffer): Field => ({ name: Buffer.from(name), tag, payload })

export const order: Content = {
  routingKey: Buffer.from('order.created'),
  properties: new Map([
    ['content-type', short('application/json')],
    ['delivery-mode', hex('02')],
    ['priority', hex('05')],
    ['message-id', short('order-1')],
    ['timestamp', hex('000000006afd9cc0')],
  ]),
  fields: [
    field('batch', 'l', hex('1000000000000000')),
    field('checked', 't', hex('01')),
    field('customer', 'S', long('ada')),
    field('legacy-name', 'S', long(hex('4772fc6e'))),
    field('price', 'D', hex('02000004e2')),
    field('retries', 'I', hex('00000003')),
    field('seal', 'x', long(hex('00ff10'))),
    field(
      'trace',
      'F',
      long(encodeFields([field('span', 'S', long('a1')), field('started', 'l', hex('000000006afd9cc0'))])),
    ),
    field('voucher', 'V', hex('')),
  ],
  body: Buffer.from('{"id":1,"total":12.5}'),
}

const header = (name: string, value: string | Buffer | null) =>
  [Buffer.from(name), typeof value === 'string' ? Buffer.from(value) : value] as const

export const refund: KafkaRecord = {
  key: Buffer.from('ada'),
  value: null,
  timestamp: 1_795_005_632_123n,
  headers: [
    header('trace', '00-4bf9-01'),
    header('content-type', 'application/json'),
    header('tag', 'eu'),
    header('seal', hex('00ff10')),
    header('tag', 'vip'),
    header('note', null),
  ],
}
