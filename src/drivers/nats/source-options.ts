import { type Static, Type } from 'typebox'
import { Closed, Duration } from '../../core/schema.ts'
import { createSchema } from './stream-options.ts'
import { NAME_PATTERN, SUBJECT_PATTERN } from './subject.ts'

const Subject = (description: string, example: string) =>
  Type.String({ pattern: SUBJECT_PATTERN, description, examples: [example] })

export const sourceSchema = Closed(
  {
    subject: Type.Optional(
      Subject(
        'Subject of core NATS, with the wildcards `*` and `>`. At most once on this side: what is published while nobody listens, or what was under way when the gateway ends, never comes; what arrives is bridged at least once from there on.',
        'shop.orders.>',
      ),
    ),
    queue: Type.Optional(
      Type.String({
        pattern: NAME_PATTERN,
        description: 'With `subject`: queue group, of which one member gets each message.',
        examples: ['sluice'],
      }),
    ),
    pending: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 10_000_000,
        default: 10_000,
        description:
          'With `subject`: messages kept beside those in flight while the target is slow. Beyond them messages are lost, counted and reported; a queue group leaves them to its other members instead.',
        examples: [100_000],
      }),
    ),
    stream: Type.Optional(
      Type.String({ pattern: NAME_PATTERN, description: 'JetStream stream to read.', examples: ['ORDERS'] }),
    ),
    consumer: Type.Optional(
      Type.String({
        pattern: NAME_PATTERN,
        description:
          'With `stream`: name of the durable pull consumer. Gateways with one name share its messages; two names get everything each. Default: `sluice-` and the name of the route.',
        examples: ['billing'],
      }),
    ),
    filter: Type.Optional(
      Type.Union(
        [
          Subject('One subject.', 'shop.orders.*'),
          Type.Array(Type.String({ pattern: SUBJECT_PATTERN }), { minItems: 1, maxItems: 1_000 }),
        ],
        {
          description: 'With `stream`: only messages of these subjects. Several need NATS 2.10.',
          examples: ['shop.orders.*', ['shop.orders.*', 'shop.refunds.*']],
        },
      ),
    ),
    deliver: Type.Optional(
      Type.Union(
        [
          Type.Literal('all'),
          Type.Literal('new'),
          Type.Literal('last'),
          Closed({
            sequence: Type.Integer({ minimum: 1, description: 'With the message of this sequence in the stream.' }),
          }),
          Closed({
            time: Type.String({
              pattern: '^\\d{4}-\\d{2}-\\d{2}T.+',
              description: 'With the first message stored at this time or later (RFC 3339).',
              examples: ['2026-11-25T08:00:00Z'],
            }),
          }),
        ],
        {
          default: 'all',
          description:
            'Where a new consumer begins: with the oldest message, with the next one, with the last one, at a sequence, or at a time (RFC 3339). An existing one goes on where it was.',
          examples: ['all', { sequence: 4_711 }, { time: '2026-11-25T08:00:00Z' }],
        },
      ),
    ),
    ackWait: Type.Optional(
      Duration({
        description:
          'After this time (10s for a consumer that is created) a message comes again unless its holder asks for more, which Sluice does while it holds one: so it is how long a killed gateway’s messages take to come again. At least 500 ms.',
        examples: ['10s', '30s'],
      }),
    ),
    maxDeliver: Type.Optional(
      Type.Integer({
        minimum: -1,
        description:
          'Deliveries after which the server gives a message up without a word; -1 = never, the default. Sluice puts a message that crashes it aside after 10 deliveries, so a limit must be above 10.',
        examples: [-1, 50],
      }),
    ),
    maxAckPending: Type.Optional(
      Type.Integer({
        minimum: -1,
        description:
          'Most messages of the consumer that are unacked at once, over all gateways; -1 = no limit. Default: four times `inFlight`, at least 1,000.',
        examples: [20_000],
      }),
    ),
    passive: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'true: use the consumer as it is and create nothing; stop the route where it does not exist.',
        examples: [true],
      }),
    ),
    create: Type.Optional(createSchema),
  },
  { description: 'A subject of core NATS, or a consumer of a JetStream stream.' },
)

export type SourceOptions = Static<typeof sourceSchema>
