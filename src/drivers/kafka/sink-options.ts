import { type Static, Type } from 'typebox'
import { Closed, Duration, Size, Template } from '../../core/schema.ts'

export const CreateOptions = Closed(
  {
    partitions: Type.Integer({ minimum: 1, maximum: 100_000, description: 'Partitions of a topic Sluice creates.' }),
    replication: Type.Integer({ minimum: 1, maximum: 100, description: 'Replicas of each partition.' }),
    config: Type.Optional(
      Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]), {
        description: 'Further settings of the topic.',
        examples: [{ 'cleanup.policy': 'compact', 'max.message.bytes': 2_097_152 }],
      }),
    ),
  },
  { description: 'Creates a topic that is missing; without it a missing topic stops the route.' },
)

export const SinkOptions = Closed({
  topic: Template({ description: 'Topic to write to.', examples: ['shop.orders', 'shop.${headers.kind}'] }),
  key: Type.Optional(
    Template({
      description:
        'Key of the record, which also chooses the partition as Java producers do (murmur2). Default: the message’s own key.',
      examples: ['${headers.user_id}'],
    }),
  ),
  partition: Type.Optional(
    Template({ description: 'Partition to write to, from 0; overrules the key.', examples: [0, '${headers.shard}'] }),
  ),
  headers: Type.Optional(
    Type.Record(Type.String({ minLength: 1 }), Template(), {
      description: 'Headers to set beside the message’s own.',
      examples: [{ 'content-type': 'application/json' }],
    }),
  ),
  timestamp: Type.Optional(
    Template({
      description: 'Timestamp of the record: ms since 1970, or ISO 8601. Default: the message’s own.',
      examples: ['${body.created_at}'],
    }),
  ),
  compression: Type.Optional(
    Type.Union(
      [Type.Literal('none'), Type.Literal('gzip'), Type.Literal('snappy'), Type.Literal('lz4'), Type.Literal('zstd')],
      { default: 'none', description: 'Compression of the batches. `zstd` costs least for what it saves.' },
    ),
  ),
  create: Type.Optional(CreateOptions),
  maxMessageBytes: Type.Optional(
    Size({
      description:
        'Largest record the topic takes. Default: the topic’s `max.message.bytes` where the user may read it, else 1 MiB.',
      examples: ['1MiB'],
    }),
  ),
  maxRequestBytes: Type.Optional(
    Size({
      default: '1MiB',
      description: 'Most bytes of one batch; larger publishes are split. One larger message still goes.',
    }),
  ),
  timeout: Type.Optional(
    Duration({ default: '30s', description: 'How long the broker may take to reach all in-sync replicas.' }),
  ),
  transactionTimeout: Type.Optional(
    Duration({
      default: '10s',
      description:
        'With `delivery: exactly-once`: after this long the broker aborts a transaction; 1 s to 15 min. So long, and up to 10 s more, a gateway that is killed holds up readers of committed records.',
    }),
  ),
})

export type SinkOptions = Static<typeof SinkOptions>
export type CreateOptions = Static<typeof CreateOptions>
