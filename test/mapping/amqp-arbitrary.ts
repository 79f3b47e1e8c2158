import fc from 'fast-check'
import { type Content, encodeFields, type Field, long, short } from './amqp-bytes.ts'

type Value = Pick<Field, 'tag' | 'payload'>

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length }).map(all => Buffer.from(all))
const fixed = (tag: string, length: number): fc.Arbitrary<Value> => bytes(length).map(payload => ({ tag, payload }))
const any = (maxLength: number) => fc.uint8Array({ maxLength }).map(all => Buffer.from(all))
const text = (maxLength: number) => fc.string({ unit: 'grapheme', maxLength })

const FINITE = { noNaN: true, noDefaultInfinity: true }

// Neither NaN nor infinity: RabbitMQ ends the connection over them.
const number = (tag: 'f' | 'd'): fc.Arbitrary<Value> =>
  (tag === 'f' ? fc.float(FINITE) : fc.double(FINITE)).map(value => {
    const payload = Buffer.alloc(tag === 'f' ? 4 : 8)
    if (tag === 'f') payload.writeFloatBE(value)
    else payload.writeDoubleBE(value)
    return { tag, payload }
  })

const wholeDouble = fc.integer().map((value): Value => {
  const payload = Buffer.alloc(8)
  payload.writeDoubleBE(value)
  return { tag: 'd', payload }
})

const leaf: fc.Arbitrary<Value> = fc.oneof(
  ...(['b', 'B'] as const).map(tag => fixed(tag, 1)),
  ...(['s', 'u'] as const).map(tag => fixed(tag, 2)),
  ...(['I', 'i'] as const).map(tag => fixed(tag, 4)),
  ...(['l', 'T'] as const).map(tag => fixed(tag, 8)),
  fc.constantFrom('V', 't').map(tag => ({ tag, payload: tag === 'V' ? Buffer.alloc(0) : Buffer.from([1]) })),
  fc.constant({ tag: 't', payload: Buffer.from([0]) }),
  number('f'),
  number('d'),
  wholeDouble,
  fixed('D', 5),
  text(40).map(value => ({ tag: 'S', payload: long(value) })),
  fc.constantFrom('true', '42', '', '\ufffd', '\0').map(value => ({ tag: 'S', payload: long(value) })),
  any(20).map(value => ({ tag: 'S', payload: long(value) })),
  any(20).map(value => ({ tag: 'x', payload: long(value) })),
  text(8).map(value => ({ tag: 'x', payload: long(value) })),
)

/** Headers of Sluice's own that a user's message has nothing to say by: docs/mapping.md, "Reserved headers". */
const TAKEN = /^sluice-(key|null|timestamp|order|places|persistent|user-id)$/

const fits = (name: string) => Buffer.byteLength(name) <= 255 && !TAKEN.test(name)

export const fieldName = (): fc.Arbitrary<Buffer> =>
  fc
    .oneof(
      text(20).filter(fits),
      fc.constantFrom('', '__proto__', 'toString', 'a~2', '!a', 'a=b;c', '%', '10', '9', '\ufffd', ' ', 'é'),
      fc.constantFrom(
        'message-id',
        'content-type',
        'amqp-priority',
        'amqp-timestamp',
        'amqp-delivery-mode',
        'reply-to',
      ),
      fc.constantFrom('sluice-types', 'sluice-subject', 'sluice-h-a', 'sluice-h-sluice-types', 'sluice-other'),
      fc.integer({ min: 200, max: 255 }).map(length => 'n'.repeat(length)),
      fc.constant('ü'.repeat(127)),
    )
    .map(name => Buffer.from(name))

/** Any value; nested tables as AMQP wants them: each name once. */
const value: fc.Arbitrary<Value> = fc.letrec<{ value: Value; list: Value; table: Value }>(tie => ({
  value: fc.oneof({ maxDepth: 4 }, leaf, tie('list'), tie('table')),
  list: fc.array(tie('value'), { maxLength: 4 }).map(items => ({
    tag: 'A',
    payload: long(Buffer.concat(items.flatMap(({ tag, payload }) => [Buffer.from(tag), payload]))),
  })),
  table: fields(tie('value'), 4).map(inner => ({ tag: 'F', payload: long(encodeFields(inOwnOrder(inner))) })),
})).value

function fields(of: fc.Arbitrary<Value>, maxLength: number): fc.Arbitrary<Field[]> {
  const field = fc.tuple(fieldName(), of).map(([name, one]) => ({ name, ...one }))
  return fc.uniqueArray(field, { selector: ({ name }) => name.toString('latin1'), maxLength })
}

// A nested table is held as an object, in which names that are whole numbers come first; docs/mapping.md.
function inOwnOrder(inner: readonly Field[]): Field[] {
  const byName = new Map(inner.map(field => [field.name.toString(), field]))
  const order = Object.keys(Object.fromEntries([...byName.keys()].map(name => [name, 0])))
  return [...byName.keys()].sort((a, b) => order.indexOf(a) - order.indexOf(b)).map(name => byName.get(name)!)
}

const property = (name: string, of: fc.Arbitrary<Buffer>) => [name, of] as const
const shortText = fc
  .oneof(
    text(20).map(value => Buffer.from(value)),
    fc.constantFrom('', 'x'.repeat(255), '\0', 'ü'.repeat(127), '\ufffd').map(value => Buffer.from(value)),
    // A UUID, as some write it.
    bytes(16),
  )
  .filter(value => value.length <= 255)
  .map(value => short(value))

/** Properties by their AMQP names; `user-id` only where asked for, because RabbitMQ holds it against the login. */
const PROPERTIES = [
  ...[
    'content-type',
    'content-encoding',
    'correlation-id',
    'reply-to',
    'message-id',
    'type',
    'app-id',
    'cluster-id',
  ].map(name => property(name, shortText)),
  property(
    'delivery-mode',
    fc.constantFrom(1, 2).map(mode => Buffer.from([mode])),
  ),
  property('priority', bytes(1)),
  // An hour and more, or RabbitMQ would drop the message before it is read.
  property(
    'expiration',
    fc.integer({ min: 3_600_000, max: 2 ** 32 - 1 }).map(ms => short(String(ms))),
  ),
  property('timestamp', bytes(8)),
]

export interface ContentOptions {
  /** Default: any text. */
  readonly userId?: fc.Arbitrary<string>
}

export function amqpContent({ userId }: ContentOptions = {}): fc.Arbitrary<Content> {
  const all = Object.fromEntries([...PROPERTIES, property('user-id', userId?.map(name => short(name)) ?? shortText)])
  return fc.record({
    routingKey: fc.oneof(
      text(40)
        .filter(fits)
        .map(key => Buffer.from(key)),
      any(40),
    ),
    properties: fc.record(all, { requiredKeys: [] }).map(some => new Map(Object.entries(some) as [string, Buffer][])),
    fields: fields(value, 8),
    body: fc.oneof(any(60), fc.constant(Buffer.alloc(0))),
  })
}
