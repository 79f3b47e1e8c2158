import { type Content, encodeFields, type Field, long, short } from './amqp-bytes.ts'

const hex = (text: string) => Buffer.from(text, 'hex')
const field = (name: string, tag: string, payload: Buffer): Field => ({ name: Buffer.from(name), tag, payload })
const table = (...fields: readonly Field[]) => long(encodeFields(fields))
const list = (...items: readonly (readonly [tag: string, payload: Buffer])[]) =>
  long(Buffer.concat(items.flatMap(([tag, payload]) => [Buffer.from(tag), payload])))

const content = (changes: Partial<Content>): Content => ({
  routingKey: Buffer.from('order.created'),
  properties: new Map([['delivery-mode', hex('02')]]),
  fields: [],
  body: Buffer.from('{"id":1}'),
  ...changes,
})

const headers = (...fields: readonly Field[]) => content({ fields })

/** One header of each type that AMQP has, and the values at their edges. */
export const EVERY_TYPE: readonly Field[] = [
  field('int8', 'b', hex('80')),
  field('uint8', 'B', hex('ff')),
  field('int16', 's', hex('8000')),
  field('uint16', 'u', hex('ffff')),
  field('int32', 'I', hex('80000000')),
  field('uint32', 'i', hex('ffffffff')),
  field('int64', 'l', hex('0020000000000001')),
  field('int64-least', 'l', hex('8000000000000000')),
  field('float', 'f', hex('3dcccccd')),
  field('double', 'd', hex('3fb999999999999a')),
  field('double-whole', 'd', hex('4008000000000000')),
  field('decimal', 'D', hex('020000013a')),
  field('decimal-zeros', 'D', hex('03000005dc')),
  field('decimal-large', 'D', hex('ffffffffff')),
  field('timestamp', 'T', hex('000000006afd3d00')),
  field('timestamp-last', 'T', hex('ffffffffffffffff')),
  field('void', 'V', hex('')),
  field('true', 't', hex('01')),
  field('false', 't', hex('00')),
  field('text', 'S', long('Grüße 🐇')),
  field('text-empty', 'S', long('')),
  field('text-latin1', 'S', long(hex('47726ffc6565'))),
  field('text-replacement', 'S', long('\ufffd')),
  field('bytes', 'x', long(hex('00ff'))),
  field('bytes-text', 'x', long('text')),
  field('bytes-empty', 'x', long('')),
]

const deep = (): Field => {
  let inner = table(field('end', 'V', hex('')))
  for (let i = 0; i < 20; i++) inner = i % 2 === 0 ? list(['F', inner]) : table(field('n', 'A', inner))
  return field('deep', 'F', inner)
}

const TEXTS = [
  'content-type',
  'content-encoding',
  'correlation-id',
  'reply-to',
  'message-id',
  'type',
  'app-id',
  'cluster-id',
]

/** Messages that bridges are known to spoil, each by its trouble. */
export const nastyContents: readonly (readonly [trouble: string, content: Content])[] = [
  ['nothing at all', content({ properties: new Map(), body: Buffer.alloc(0) })],
  ['every type of a header', headers(...EVERY_TYPE)],
  ['every type in a table', headers(field('table', 'F', table(...EVERY_TYPE)))],
  [
    'every type in an array',
    headers(field('array', 'A', list(...EVERY_TYPE.map(one => [one.tag, one.payload] as const)))),
  ],
  ['negative zero', headers(field('d', 'd', hex('8000000000000000')), field('f', 'f', hex('80000000')))],
  ['empty tables and arrays', headers(field('t', 'F', long('')), field('a', 'A', long('')))],
  ['nesting', headers(deep())],
  [
    'names of objects',
    headers(...['__proto__', 'toString', 'constructor', 'hasOwnProperty'].map(one => field(one, 'I', hex('00000001')))),
  ],
  [
    'names of objects in a table',
    headers(field('t', 'F', table(field('__proto__', 'V', hex('')), field('toString', 'V', hex(''))))),
  ],
  [
    'names that are numbers',
    headers(field('10', 'I', hex('0000000a')), field('9', 'V', hex('')), field('a', 't', hex('01'))),
  ],
  ['an empty name', headers(field('', 'S', long('x')), field('a', 'V', hex('')))],
  [
    'the longest name',
    headers(field('n'.repeat(255), 'l', hex('0000000000000001')), field('ü'.repeat(127), 'S', long('x'))),
  ],
  [
    'names that the note escapes',
    headers(...['a~2', '!a', 'a=b;c', '%41', ';'].map(one => field(one, 'l', hex('0000000000000001')))),
  ],
  [
    'names of Sluice’s own',
    headers(
      ...['sluice-types', 'sluice-subject', 'sluice-h-x', 'sluice-h-sluice-types', 'sluice-x'].map(one =>
        field(one, 'S', long('mine')),
      ),
    ),
  ],
  [
    'headers named like properties, without the properties',
    headers(
      field('content-type', 'S', long('text/plain')),
      field('message-id', 'I', hex('00000007')),
      field('amqp-priority', 'S', long('5')),
      field('amqp-timestamp', 'l', hex('0000000000000005')),
      field('correlation-id', 'V', hex('')),
    ),
  ],
  [
    'headers named like properties, beside the properties',
    content({
      properties: new Map([
        ['content-type', short('application/json')],
        ['delivery-mode', hex('01')],
        ['priority', hex('09')],
        ['message-id', short('m-1')],
        ['timestamp', hex('000000006afd3d00')],
      ]),
      fields: [
        field('content-type', 'S', long('text/plain')),
        field('amqp-priority', 'S', long('5')),
        field('message-id', 'x', long(hex('ff'))),
      ],
    }),
  ],
  [
    'every property',
    content({
      properties: new Map([
        ...TEXTS.map(name => [name, short(`the ${name}`)] as const),
        ['delivery-mode', hex('02')],
        ['priority', hex('ff')],
        ['expiration', short('86400000')],
        ['timestamp', hex('ffffffffffffffff')],
      ]),
    }),
  ],
  [
    'properties that are empty',
    content({ properties: new Map([['delivery-mode', hex('02')], ...TEXTS.map(name => [name, short('')] as const)]) }),
  ],
  [
    'properties of 255 bytes',
    content({
      properties: new Map([
        ['delivery-mode', hex('02')],
        ...TEXTS.map(name => [name, short('x'.repeat(255))] as const),
      ]),
    }),
  ],
  [
    'properties and a routing key that are no text',
    content({
      routingKey: hex('ff41c3'),
      properties: new Map([
        ['delivery-mode', hex('02')],
        ...TEXTS.map((name): [string, Buffer] => [name, short(hex('41ff80efbfbdeda080f09f90c3a9'))]),
      ]),
    }),
  ],
  [
    'what RabbitMQ writes on dead letters',
    headers(
      field(
        'x-death',
        'A',
        list([
          'F',
          table(
            field('count', 'l', hex('0000000000000003')),
            field('reason', 'S', long('rejected')),
            field('queue', 'S', long('orders')),
            field('time', 'T', hex('000000006afd3d00')),
            field('exchange', 'S', long('')),
            field('routing-keys', 'A', list(['S', long('order.created')])),
          ),
        ]),
      ),
      field('x-first-death-queue', 'S', long('orders')),
    ),
  ],
  ['a body of every byte', content({ body: Buffer.from(Array.from({ length: 256 }, (_, i) => i)) })],
  ['many headers', headers(...Array.from({ length: 300 }, (_, i) => field(`h${i}`, 'l', Buffer.alloc(8, i))))],
]
