import fc from 'fast-check'
import { type HeaderValue, Typed } from '../../../src/core/header-value.ts'
import type { HeaderEntry } from '../../../src/core/headers.ts'

const typed = (): fc.Arbitrary<Typed> =>
  fc.oneof(
    fc.integer({ min: -128, max: 127 }).map(value => new Typed('int8', value)),
    fc.integer({ min: 0, max: 255 }).map(value => new Typed('uint8', value)),
    fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 }).map(value => new Typed('int16', value)),
    fc.integer({ min: 0, max: 2 ** 16 - 1 }).map(value => new Typed('uint16', value)),
    fc.integer({ min: 0, max: 2 ** 32 - 1 }).map(value => new Typed('uint32', value)),
    fc.float({ noNaN: true, noDefaultInfinity: true }).map(value => new Typed('float', value)),
    fc.integer().map(value => new Typed('double', value)),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(value => new Typed('timestamp', value)),
    fc
      .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }))
      .map(([places, digits]) => new Typed('decimal', { places, digits })),
    fc.uint8Array({ maxLength: 20 }).map(bytes => new Typed('text', Buffer.from([0xff, ...bytes]))),
  )

const fraction = () => fc.double({ noNaN: true, noDefaultInfinity: true }).filter(value => (value | 0) !== value)

const leaf = (): fc.Arbitrary<HeaderValue> =>
  fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.integer(),
    fraction(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 40 }).map(bytes => Buffer.from(bytes)),
    typed(),
  )

const name = (): fc.Arbitrary<string> =>
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
    .filter(text => Buffer.byteLength(text) <= 255 && !text.startsWith('sluice-'))

/** Any value that AMQP 0-9-1 has, in the form the codec reads it. */
export const headerValue = (): fc.Arbitrary<HeaderValue> =>
  fc.letrec<{ value: HeaderValue; list: HeaderValue; table: HeaderValue }>(tie => ({
    value: fc.oneof({ maxDepth: 4 }, leaf(), tie('list'), tie('table')),
    list: fc.array(tie('value'), { maxLength: 4 }),
    table: fc
      .uniqueArray(fc.tuple(name(), tie('value')), { selector: ([key]) => key, maxLength: 4 })
      .map(fields => Object.assign(Object.create(null), Object.fromEntries(fields))),
  })).value

/** Tables without repeated names. */
export const headerTables = (): fc.Arbitrary<HeaderEntry[]> =>
  fc.uniqueArray(fc.tuple(name(), headerValue()), { selector: ([key]) => key, maxLength: 8 })

/** Tables in which names may repeat, as Kafka and NATS have them. */
export const repeatedTables = (): fc.Arbitrary<HeaderEntry[]> =>
  fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'trace-id'), headerValue()), { maxLength: 8 })
