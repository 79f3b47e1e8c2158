import type { KafkaRecord } from './kafka-bytes.ts'

type Header = readonly [name: string, value: string | Buffer | null]

const record = (changes: Partial<KafkaRecord>): KafkaRecord => ({
  key: Buffer.from('user-1'),
  value: Buffer.from('{"id":1}'),
  headers: [],
  timestamp: 1_795_000_000_123n,
  ...changes,
})

const headers = (...list: readonly Header[]) =>
  record({
    headers: list.map(([name, value]) => [Buffer.from(name), typeof value === 'string' ? Buffer.from(value) : value]),
  })

const binary = Buffer.from([0x00, 0xff, 0xfe])

/** Records that bridges are known to spoil, each by its trouble. */
export const nastyRecords: readonly (readonly [trouble: string, record: KafkaRecord])[] = [
  ['a null key', record({ key: null })],
  ['an empty key', record({ key: Buffer.alloc(0) })],
  ['a binary key', record({ key: binary })],
  ['a null value', record({ value: null })],
  ['an empty value', record({ value: Buffer.alloc(0) })],
  ['null everywhere', record({ key: null, value: null, headers: [[Buffer.from('h'), null]] })],
  ['a time before 1970’s second second', record({ timestamp: 0n })],
  ['repeated names', headers(['a', '1'], ['a', '2'], ['a', '3'])],
  ['repeated names, interleaved', headers(['a', '1'], ['b', '1'], ['a', '2'], ['c', null], ['b', binary], ['a', null])],
  ['the same header twice', headers(['a', '1'], ['a', '1'])],
  ['names out of order', headers(['z', '1'], ['a', '2'], ['m', '3'])],
  ['null and empty values', headers(['null', null], ['empty', ''], ['null', ''])],
  ['binary values', headers(['a', binary], ['b', Buffer.from([0xed, 0xa0, 0x80])])],
  [
    'text that looks like something else',
    headers(['a', 'true'], ['b', '42'], ['c', 'null'], ['d', '[1]'], ['e', '{}']),
  ],
  ['names of objects', headers(['__proto__', '1'], ['toString', '2'], ['constructor', null], ['__proto__', '3'])],
  ['names that are numbers', headers(['10', 'a'], ['9', 'b'], ['a', 'c'], ['1', 'd'])],
  ['an empty name', headers(['', 'a'], ['', null], ['b', ''])],
  ['the longest name', headers(['n'.repeat(255), '1'], ['ü'.repeat(127), '2'])],
  ['an array of one and one of two', headers(['a', '["x"]'], ['a', 'x'], ['b', '["x"]'])],
  [
    'every well-known name',
    headers(
      ['message-id', 'm-1'],
      ['content-type', 'application/json'],
      ['content-encoding', 'gzip'],
      ['correlation-id', 'c-1'],
      ['reply-to', 'replies'],
      ['amqp-type', 'order'],
      ['amqp-expiration', '86400000'],
      ['amqp-priority', '9'],
      ['amqp-delivery-mode', '1'],
      ['amqp-timestamp', '1795000000'],
      ['amqp-app-id', 'shop'],
      ['amqp-cluster-id', 'c'],
    ),
  ],
  [
    'well-known names among others, twice',
    headers(
      ['x', '1'],
      ['message-id', 'm-1'],
      ['content-type', 'text/plain'],
      ['message-id', 'm-2'],
      ['y', '2'],
      ['content-type', null],
    ),
  ],
  [
    'well-known names with values that no property has',
    headers(
      ['amqp-priority', 'high'],
      ['amqp-delivery-mode', '3'],
      ['amqp-expiration', '10 minutes'],
      ['amqp-timestamp', '2026-11-23'],
      ['message-id', null],
      ['content-type', binary],
      ['correlation-id', 'x'.repeat(256)],
      ['reply-to', 'ü'.repeat(128)],
    ),
  ],
  [
    'well-known names, first without a property’s value, then with',
    headers(
      ['amqp-priority', 'high'],
      ['amqp-priority', '5'],
      ['amqp-delivery-mode', '0'],
      ['amqp-delivery-mode', '2'],
    ),
  ],
  [
    'well-known names with bytes that are no text',
    headers(['message-id', binary], ['reply-to', Buffer.alloc(255, 0xff)], ['amqp-type', Buffer.alloc(256, 0xff)]),
  ],
  [
    'a time of its own beside AMQP’s',
    record({ timestamp: 1_795_000_000_123n, headers: [[Buffer.from('amqp-timestamp'), Buffer.from('5')]] }),
  ],
  ['strange names under our prefix', headers(['sluice-other', '1'], ['sluice-h-a', '2'], ['sluice-other', null])],
  ['many headers', headers(...Array.from({ length: 300 }, (_, i): Header => [`h${i % 7}`, String(i)]))],
]
