import fc from 'fast-check'
import type { KafkaRecord } from './kafka-bytes.ts'

const any = (maxLength: number) => fc.uint8Array({ maxLength }).map(all => Buffer.from(all))
const text = (maxLength: number) => fc.string({ unit: 'grapheme', maxLength })

/** Of the names that Sluice reserves, those that a record may have from elsewhere without meaning anything. */
const STRANGE = ['sluice-other', 'sluice-dead', 'sluice-h-a', 'sluice-h-sluice-types']
const OWN = /^sluice-(types|subject|key|places|null|timestamp|order|persistent|user-id)$/

const name = fc
  .oneof(
    text(20).filter(one => Buffer.byteLength(one) <= 255 && !OWN.test(one)),
    fc.constantFrom(
      '',
      'a',
      'b',
      'a',
      'b',
      '__proto__',
      'toString',
      'constructor',
      '10',
      '9',
      '\ufffd',
      'é',
      'a~2',
      '!a',
    ),
    fc.constantFrom(...STRANGE),
    fc.constant('n'.repeat(255)),
  )
  .map(one => Buffer.from(one))

const value = fc.oneof(
  fc.constant(null),
  fc.constant(Buffer.alloc(0)),
  text(20).map(one => Buffer.from(one)),
  any(20),
  fc.constantFrom('true', '42', 'null', '{"a":1}', '\ufffd', '\0').map(one => Buffer.from(one)),
)

const WELL_KNOWN = [
  ...['message-id', 'content-type', 'content-encoding', 'correlation-id', 'reply-to', 'amqp-type', 'amqp-expiration'],
  ...['amqp-priority', 'amqp-delivery-mode', 'amqp-timestamp', 'amqp-user-id', 'amqp-app-id', 'amqp-cluster-id'],
].map(one => Buffer.from(one))

/** What the names of properties may hold: what fits, what nearly fits, and what does not at all. */
const odd = fc.oneof(
  value,
  fc
    .constantFrom('0', '1', '2', '3', '7', '007', '-1', '255', '256', '1.5', '1e3', '18446744073709551615')
    .map(Buffer.from),
  fc
    .constantFrom('18446744073709551616', '99999999999', '3600000', '4294967296', '10 minutes', 'x'.repeat(256))
    .map(Buffer.from),
  fc.constant(Buffer.from('ü'.repeat(128))),
)

// Not 0 to 1 h: as an expiration RabbitMQ would drop the message before it is read.
const lasting = (header: readonly [Buffer, Buffer | null]) =>
  header[0].toString() !== 'amqp-expiration' || !/^\d{1,6}$/.test(String(header[1]))

const header = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(name, value) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...WELL_KNOWN), odd).filter(lasting) },
)

const bytes = fc.oneof(
  fc.constant(null),
  fc.constant(Buffer.alloc(0)),
  text(20).map(one => Buffer.from(one)),
  any(40),
)

/** Records as any producer may have written them, up to what AMQP has room for (names of 255 bytes). */
export const kafkaRecord = (): fc.Arbitrary<KafkaRecord> =>
  fc.record({
    key: bytes,
    value: bytes,
    headers: fc.array(header, { maxLength: 10 }),
    timestamp: fc.oneof(fc.bigInt({ min: 0n, max: 253_402_300_799_999n }), fc.constantFrom(0n, 1_795_000_000_000n)),
  })

export function namesOnce({ headers }: KafkaRecord): boolean {
  return new Set(headers.map(([one]) => one.toString())).size === headers.length
}
