import { type Static, Type } from 'typebox'
import { Closed, Duration, Size } from '../../core/schema.ts'
import { SUBJECT_PATTERN } from './subject.ts'

/** What a stream is created with; shared by sources and sinks. */
export const createSchema = Closed(
  {
    subjects: Type.Optional(
      Type.Array(Type.String({ pattern: SUBJECT_PATTERN }), {
        minItems: 1,
        maxItems: 1_000,
        description: 'Subjects the stream stores, with the wildcards `*` and `>`. Default: the `subject` of the sink.',
        examples: [['shop.orders.>']],
      }),
    ),
    retention: Type.Optional(
      Type.Union([Type.Literal('limits'), Type.Literal('interest'), Type.Literal('workqueue')], {
        description:
          '`limits` (the default): messages stay until a limit is reached · `interest`: until every consumer has acked · `workqueue`: until one has.',
        examples: ['limits'],
      }),
    ),
    storage: Type.Optional(
      Type.Union([Type.Literal('file'), Type.Literal('memory')], {
        description: '`file` (the default), or `memory`, which does not survive a restart of the server.',
        examples: ['file'],
      }),
    ),
    maxMessages: Type.Optional(
      Type.Integer({
        minimum: -1,
        description: 'Most messages kept; -1 = no limit, the default.',
        examples: [1_000_000],
      }),
    ),
    maxBytes: Type.Optional(Size({ description: 'Most bytes kept. Default: no limit.', examples: ['10GiB'] })),
    maxAge: Type.Optional(Duration({ description: 'Longest time kept; 0 = for ever, the default.', examples: ['7d'] })),
    maxMessageSize: Type.Optional(
      Size({
        description: 'Largest message taken, headers included. Default: what the server takes.',
        examples: ['1MiB'],
      }),
    ),
    discard: Type.Optional(
      Type.Union([Type.Literal('old'), Type.Literal('new')], {
        description:
          'At a limit: `old` (the default) drops the oldest messages; `new` refuses new ones, which holds the route instead of losing anything.',
        examples: ['new'],
      }),
    ),
    replicas: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 5, description: 'Servers that keep a copy. Default: 1.', examples: [3] }),
    ),
    duplicateWindow: Type.Optional(
      Duration({ description: 'How long the stream remembers the ids of messages. Default: 2m.', examples: ['10m'] }),
    ),
  },
  {
    description:
      'Creates the stream where it does not exist. Where it does, what is given here must be what it has, or the route stops.',
  },
)

export type CreateOptions = Static<typeof createSchema>
