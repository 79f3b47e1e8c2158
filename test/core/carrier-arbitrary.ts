import fc from 'fast-check'
import { type HeaderValue, Typed } from '../../src/core/header-value.ts'
import type { HeaderEntry } from '../../src/core/headers.ts'
import type { Properties } from '../../src/core/message.ts'

const whole = (type: 'int8' | 'uint8' | 'int16' | 'uint16' | 'uint32', min: number, max: number) =>
  fc.integer({ min, max }).map(value => new Typed(type, value))

const typed = (): fc.Arbitrary<Typed> =>
  fc.oneof(
    whole('int8', -128, 127),
    whole('uint8', 0, 255),
    whole('int16', -32_768, 32_767),
    whole('uint16', 0, 65_535),
    whole('uint32', 0, 2 ** 32 - 1),
    fc.float().map(value => new Typed('float', value)),
    fc.integer().map(value => new Typed('double', value)),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(value => new Typed('timestamp', value)),
    fc
      .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: -(2 ** 31), max: 2 ** 32 - 1 }))
      .map(([places, digits]) => new Typed('decimal', { places, digits })),
    fc.uint8Array({ maxLength: 20 }).map(bytes => new Typed('text', Buffer.from(bytes))),
  )

const natural = (): fc.Arbitrary<HeaderValue> =>
  fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.constantFrom('true', '42', '', '{"a":1}'),
    fc.integer(),
    fc.double().filter(value => (value | 0) !== value || Object.is(value, -0)),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 40 }).map(bytes => Buffer.from(bytes)),
  )

/** Names as users have them, and those that are awkward: the carrier's own, a property's, an object's, none at all. */
export const headerName = (): fc.Arbitrary<string> =>
  fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 12 }),
    fc.constantFrom('a', 'b', 'trace-id', '__proto__', 'toString', 'a~2', '!a', 'a=b;c', '1', '2'),
    fc.constantFrom('message-id', 'content-type', 'amqp-priority', 'amqp-timestamp', 'amqp-type'),
    fc.constantFrom(
      'sluice-types',
      'sluice-subject',
      'sluice-key',
      'sluice-h-a',
      'sluice-h-sluice-types',
      'sluice-hops',
    ),
  )

/** Any value that a header can have. */
export const headerValue = (): fc.Arbitrary<HeaderValue> =>
  fc.letrec<{ value: HeaderValue; list: HeaderValue; table: HeaderValue }>(tie => ({
    value: fc.oneof({ maxDepth: 4 }, natural(), typed(), tie('list'), tie('table')),
    list: fc.array(tie('value'), { maxLength: 4 }),
    table: fc
      .uniqueArray(fc.tuple(fc.string({ maxLength: 8 }), tie('value')), { selector: ([key]) => key, maxLength: 4 })
      .map(fields => Object.assign(Object.create(null), Object.fromEntries(fields))),
  })).value

/** Lists in which names may repeat. */
export const headerEntries = (): fc.Arbitrary<HeaderEntry[]> =>
  fc.array(fc.tuple(headerName(), headerValue()), { maxLength: 8 })

const text = () => fc.string({ unit: 'grapheme', maxLength: 20 })

export const properties = (): fc.Arbitrary<Properties> =>
  fc.record(
    {
      messageId: text(),
      contentType: text(),
      contentEncoding: text(),
      correlationId: text(),
      replyTo: text(),
      expiration: fc.integer({ min: 0, max: 2 ** 32 - 1 }).map(String),
      priority: fc.integer({ min: 0, max: 255 }),
      deliveryMode: fc.constantFrom(1, 2),
      type: text(),
      userId: text(),
      appId: text(),
      clusterId: text(),
      timestamp: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    },
    { requiredKeys: [] },
  )

/** A list of headers as any producer may have written it. */
export const carriedList = (): fc.Arbitrary<[string, Buffer | null][]> =>
  fc.array(
    fc.tuple(
      headerName().filter(name => !name.startsWith('sluice-')),
      fc.oneof(
        fc.constant(null),
        fc.string({ unit: 'grapheme', maxLength: 12 }).map(value => Buffer.from(value)),
        fc.constantFrom('7', '007', '300').map(value => Buffer.from(value)),
        fc.uint8Array({ maxLength: 8 }).map(value => Buffer.from(value)),
      ),
    ),
    { maxLength: 10 },
  )
