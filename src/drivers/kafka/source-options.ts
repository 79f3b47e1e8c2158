import { type Static, Type } from 'typebox'
import { Closed, Duration, Size } from '../../core/schema.ts'

export const TOPIC_NAME = '^(?!\\.{1,2}$)[A-Za-z0-9._-]{1,249}$'

const Topic = Type.String({ pattern: TOPIC_NAME, description: 'Name of a topic.', examples: ['shop.orders'] })

export const FetchOptions = Closed(
  {
    minBytes: Type.Optional(
      Size({ default: '1B', description: 'The broker answers as soon as it has this much, or `maxWait` is over.' }),
    ),
    maxBytes: Type.Optional(Size({ default: '8MiB', description: 'Most bytes of one answer, over all partitions.' })),
    maxBytesPerPartition: Type.Optional(
      Size({ default: '1MiB', description: 'Most bytes of one answer per partition; one larger message still comes.' }),
    ),
    maxWait: Type.Optional(
      Duration({ default: '500ms', description: 'How long the broker may wait for `minBytes`; 10 ms to 60 s.' }),
    ),
  },
  { default: {}, description: 'How records are fetched.' },
)

export const CommitOptions = Closed(
  {
    interval: Type.Optional(
      Duration({
        default: '500ms',
        description: 'How often offsets are committed. What was settled since is repeated after a kill -9.',
      }),
    ),
    count: Type.Optional(
      Type.Integer({
        default: 10_000,
        minimum: 1,
        maximum: 10_000_000,
        description: 'Offsets are also committed after this many settled messages.',
      }),
    ),
  },
  { default: {}, description: 'When offsets are committed.' },
)

export const SourceOptions = Closed({
  topic: Type.Optional(Topic),
  topics: Type.Optional(
    Type.Array(Topic, {
      minItems: 1,
      maxItems: 1_000,
      description: 'Several topics.',
      examples: [['orders', 'refunds']],
    }),
  ),
  pattern: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'Regular expression over topic names; topics that appear later are taken up within `patternRefresh`.',
      examples: ['^shop\\.'],
    }),
  ),
  patternRefresh: Type.Optional(
    Duration({ default: '60s', description: 'How often new topics are looked for under `pattern`; at least 1 s.' }),
  ),
  group: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      description: 'Consumer group; instances with one group share the partitions. Default: `sluice.` and the route.',
      examples: ['sluice.orders'],
    }),
  ),
  from: Type.Optional(
    Type.Union(
      [
        Type.Literal('earliest'),
        Type.Literal('latest'),
        Type.Literal('committed'),
        Type.Object(
          {
            timestamp: Type.Union([Type.String({ minLength: 10 }), Type.Integer({ minimum: 0 })], {
              description: 'The time: ISO 8601, or ms since 1970.',
            }),
          },
          {
            additionalProperties: false,
            description: 'First message at or after a time (ISO 8601, or ms since 1970).',
          },
        ),
      ],
      {
        default: 'earliest',
        description:
          'Where to begin in a partition for which the group has committed nothing; a committed offset always wins. `committed` refuses to begin without one.',
        examples: ['earliest', { timestamp: '2026-11-23T00:00:00Z' }],
      },
    ),
  ),
  isolation: Type.Optional(
    Type.Union([Type.Literal('read_committed'), Type.Literal('read_uncommitted')], {
      default: 'read_committed',
      description: '`read_committed` never delivers records of aborted or open transactions.',
    }),
  ),
  fetch: Type.Optional(FetchOptions),
  commit: Type.Optional(CommitOptions),
  drain: Type.Optional(
    Duration({
      default: '5s',
      description:
        'On a rebalance: how long messages in flight may take to finish before the partitions are given up. Must be below `rebalanceTimeout`.',
    }),
  ),
  sessionTimeout: Type.Optional(
    Duration({
      default: '30s',
      description: 'Without a heartbeat for this long the broker takes the partitions away.',
    }),
  ),
  rebalanceTimeout: Type.Optional(
    Duration({ default: '60s', description: 'How long the broker waits for members to rejoin in a rebalance.' }),
  ),
  heartbeatInterval: Type.Optional(
    Duration({ default: '3s', description: 'How often heartbeats are sent; a third of `sessionTimeout` at most.' }),
  ),
  stuckAfter: Type.Optional(
    Duration({
      default: '60s',
      description: 'With lag and nothing fetched for this long, the consumer is rebuilt; `0` switches it off.',
    }),
  ),
  rackId: Type.Optional(
    Type.String({ minLength: 1, description: 'Rack of this instance, to read from the nearest replica.' }),
  ),
})

export type SourceOptions = Static<typeof SourceOptions>
