import { type Static, type TSchema, Type } from 'typebox'
import { Closed, Duration, Size, Template } from '../../core/schema.ts'

const Bytes = Closed(
  {
    base64: Type.String({ pattern: '^[A-Za-z0-9+/]*={0,2}$', description: 'The bytes in base64.', examples: ['AAE='] }),
  },
  { description: 'Bytes that are no text.' },
)

const text = (description: string, example: string) => Type.Optional(Type.String({ description, examples: [example] }))

const Key = (description: string) =>
  Type.Optional(Type.Union([Type.String(), Type.Null(), Bytes], { description, examples: ['u-1'] }))

const HeaderMap = (description: string) =>
  Type.Optional(
    Type.Record(Type.String({ minLength: 1 }), Type.Unknown(), { description, examples: [{ region: 'eu' }] }),
  )

const PROPERTIES = {
  messageId: text('Identity of the message.', 'o-1'),
  contentType: text('MIME type of the body.', 'application/json'),
  contentEncoding: text('Encoding of the body.', 'gzip'),
  correlationId: text('Ties an answer to its question.', 'c-1'),
  replyTo: text('Where answers go.', 'answers'),
  expiration: text('Time to live in milliseconds.', '60000'),
  priority: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 255, description: 'Priority, 0 to 255.', examples: [5] }),
  ),
  deliveryMode: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 255, description: '1 transient, 2 persistent.', examples: [2] }),
  ),
  type: text('Name of the kind of message.', 'order.created'),
  userId: text('User who published it.', 'shop'),
  appId: text('Name of the producing application.', 'shop'),
  clusterId: text('Identity of the cluster.', 'eu'),
  timestamp: Type.Optional(
    Type.Integer({ minimum: 0, description: 'AMQP timestamp: seconds since 1970.', examples: [1_700_000_000] }),
  ),
}

const Time = Type.Union([Type.Number({ minimum: 0 }), Type.String({ minLength: 1 })], {
  description: 'Time of the message: ms since 1970, or ISO 8601. Default: now.',
  examples: ['2026-01-31T12:00:00Z'],
})

export const GivenMessage = Closed(
  {
    id: text('Its id. Default: `message-1`, `message-2`, … in the order of the list.', 'o-1'),
    key: Key('Its key. Default: none.'),
    subject: text(
      'The name it was routed by (routing key, topic, subject). Default: what the route reads from.',
      'order.created',
    ),
    headers: HeaderMap('Its headers; `{ base64: … }` is a header of bytes.'),
    properties: Type.Optional(
      Closed(PROPERTIES, { description: 'Properties of the protocol.', examples: [{ correlationId: 'c-1' }] }),
    ),
    body: Type.Optional(
      Type.Unknown({
        description: 'Its body as JSON; null = no body at all (a tombstone). Default: an empty body.',
        examples: [{ total: 12 }],
      }),
    ),
    text: text('Its body as UTF-8 text, instead of `body`.', 'not JSON'),
    base64: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9+/]*={0,2}$',
        description: 'Its body as bytes, instead of `body`.',
        examples: ['AAE='],
      }),
    ),
    size: Type.Optional(
      Size({ description: 'A body of so many bytes, instead of `body`; for limits of size.', examples: ['2MiB'] }),
    ),
    timestamp: Type.Optional(Time),
    attempt: Type.Optional(
      Type.Integer({
        minimum: 1,
        default: 1,
        description: 'How often the broker says it has delivered it.',
        examples: [3],
      }),
    ),
    source: Type.Optional(
      Closed(
        {
          address: text('Queue, topic, subject or stream. Default: what the route reads from.', 'orders'),
          position: text('Place in it. Default: 1, 2, … in the order of the list.', '0:17'),
          sequence: text('What the source orders by, e.g. a partition. Default: the address.', 'orders/0'),
        },
        { description: 'Where it was received.' },
      ),
    ),
  },
  { description: 'A message that arrives.' },
)

export const Advance = Closed(
  {
    advance: Duration({
      description: 'Time that passes before what follows: batches and windows close, dedup forgets.',
      examples: ['10m'],
    }),
  },
  { description: 'Time that passes.' },
)

export const ExpectedMessage = Closed(
  {
    id: text('Its id.', 'o-1'),
    key: Key('The key it is published with; null = none.'),
    subject: text('Its subject as the transforms left it.', 'order.created'),
    headers: HeaderMap('Headers it has, those the target sets included; null = there is none of that name.'),
    properties: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description: 'Properties it has; null = not set.',
        examples: [{ correlationId: 'c-1' }],
      }),
    ),
    body: Type.Optional(
      Type.Unknown({
        description:
          'Its body as JSON. Of mappings the fields named here, lists whole; null = no body, or no such field.',
        examples: [{ total: 12 }],
      }),
    ),
    text: text('Its body as UTF-8 text, exactly.', 'hello'),
    base64: Type.Optional(Type.String({ description: 'Its body as bytes, exactly.', examples: ['AAE='] })),
    to: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description: 'Where it goes, by the names of the options of `to`.',
        examples: [{ topic: 'shop.orders' }],
      }),
    ),
    where: Type.Optional(
      Template({
        description: 'An expression about the published message that must be true.',
        examples: ['${body.total > 3}'],
      }),
    ),
    exact: Type.Optional(
      Type.Boolean({
        default: false,
        description: '`body` and `headers` name everything there is; headers of Sluice itself do not count.',
        examples: [true],
      }),
    ),
  },
  { description: 'A message that is published: only what is named here is compared.' },
)

const Reason = (description: string) =>
  Type.String({ pattern: '^[A-Z][A-Z_]+$', description, examples: ['VALIDATION_FAILED'] })

export const ExpectedLetter = Closed(
  {
    reason: Reason('Error code; docs/errors.md lists them.'),
    message: text('A part of the text that says why.', 'total'),
    id: text('Id of the message.', 'o-1'),
    stage: text('Where it failed: receive, order, dedup, transform, publish.', 'transform'),
    body: Type.Optional(
      Type.Unknown({ description: 'Its body, as of an expected message.', examples: [{ total: 12 }] }),
    ),
    headers: HeaderMap('Headers it has beside the facts of the failure.'),
    to: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description: 'Where it goes, by the names of the options of `deadLetter`.',
        examples: [{ queue: 'orders.dead' }],
      }),
    ),
  },
  { description: 'A message that was put aside: only what is named here is compared.' },
)

const Count = (description: string) => Type.Optional(Type.Integer({ minimum: 0, description, examples: [1] }))

export const Expectation = Closed(
  {
    messages: Type.Optional(
      Type.Array(ExpectedMessage, {
        maxItems: 1_000,
        description: 'What is published, in this order. Default: nothing.',
      }),
    ),
    deadLetters: Type.Optional(
      Type.Array(Type.Union([Reason('Error code of a dead letter.'), ExpectedLetter]), {
        maxItems: 1_000,
        description: 'What is put aside, in this order. Default: nothing.',
      }),
    ),
    blocked: Type.Optional(
      Reason('Error code of a message that blocks its key, on a route without `deadLetter`. Default: none does.'),
    ),
    filtered: Count('Messages dropped by a transform. Default: not compared.'),
    deduplicated: Count('Messages recognised as copies. Default: not compared.'),
    late: Count('Messages whose window had closed. Default: not compared.'),
    order: Type.Optional(
      Type.Union([Type.Literal('exact'), Type.Literal('any')], {
        default: 'exact',
        description:
          '`any`: the lists may come in another order, e.g. where asynchronous plug-ins work on several keys.',
      }),
    ),
  },
  { description: 'What must come of it.' },
)

export const RouteTest = Closed(
  {
    name: Type.String({
      minLength: 1,
      description: 'What the test shows, in words.',
      examples: ['free orders are filtered'],
    }),
    route: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Name of the route. Default: `route` of the file.',
        examples: ['orders'],
      }),
    ),
    given: Type.Union(
      [Type.Array(Type.Union([GivenMessage, Advance]), { minItems: 1, maxItems: 1_000 }), GivenMessage],
      {
        description: 'The message or messages that arrive, in order, and time that passes between them.',
      },
    ),
    expect: Type.Union([Type.Literal('nothing'), Expectation], {
      description: '`nothing`: no message is published and none is put aside.',
    }),
  },
  { description: 'One test.' },
)

export const TestFile: TSchema = Closed(
  {
    version: Type.Literal(1, { description: 'Version of this format.' }),
    config: text(
      'Configuration that is tested, relative to this file. Default: `NAME.yaml` for `NAME.test.yaml`.',
      'routes.yaml',
    ),
    route: text('Route of the tests that name none.', 'orders'),
    env: Type.Optional(
      Type.Record(Type.String(), Type.String(), {
        description: 'Environment variables as the configuration sees them, over those of the process.',
        examples: [{ KAFKA_URL: 'kafka://localhost' }],
      }),
    ),
    tests: Type.Array(RouteTest, { minItems: 1, maxItems: 1_000, description: 'The tests.' }),
  },
  { title: 'Tests of routes for Sluice' },
)

export type GivenMessage = Static<typeof GivenMessage>
export type Advance = Static<typeof Advance>
export type ExpectedMessage = Static<typeof ExpectedMessage>
export type ExpectedLetter = Static<typeof ExpectedLetter>
export type Expectation = Static<typeof Expectation>
export type RouteTest = Static<typeof RouteTest>
export interface TestFile {
  readonly config?: string
  readonly route?: string
  readonly env?: Readonly<Record<string, string>>
  readonly tests: readonly RouteTest[]
}

/** For editors. */
export const testsSchema = (): TSchema => ({ $schema: 'http://json-schema.org/draft-07/schema#', ...TestFile })
