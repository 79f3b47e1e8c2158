import { type Static, Type } from 'typebox'
import { Closed, Duration, Size, Template } from '../../core/schema.ts'
import { CreateOptions } from './source-options.ts'

export const SinkOptions = Closed({
  topic: Template({
    description: 'Topic to write to: its last name, or with tenant and namespace.',
    examples: ['shop.orders', 'persistent://shop/eu/${headers.kind}'],
  }),
  key: Type.Optional(
    Template({
      description: 'Key of the message, which chooses the partition. Default: the message’s own key.',
      examples: ['${headers.user_id}'],
    }),
  ),
  orderingKey: Type.Optional(
    Template({
      description: 'Key by which `key_shared` subscriptions divide, instead of `key`. Native client only.',
      examples: ['${headers.region}'],
    }),
  ),
  properties: Type.Optional(
    Type.Record(Type.String({ minLength: 1 }), Template(), {
      description: 'Properties to set beside the message’s own headers.',
      examples: [{ 'content-type': 'application/json' }],
    }),
  ),
  eventTime: Type.Optional(
    Template({
      description: 'Event time: ms since 1970, or ISO 8601. Default: the message’s own time.',
      examples: ['${body.created_at}'],
    }),
  ),
  sequenceId: Type.Optional(
    Template({
      description:
        'Sequence id, a whole number that grows from message to message, for the broker’s deduplication; with `producerName`. Native client only: the WebSocket API has none.',
      examples: ['${body.version}'],
    }),
  ),
  producerName: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'Name of the producer; the broker lets only one with a name write at a time. Default: the broker gives one.',
      examples: ['sluice-orders'],
    }),
  ),
  replicateTo: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), {
      minItems: 1,
      description: 'Clusters that get the message, of those the namespace is replicated to. Default: all of them.',
      examples: [['eu-west']],
    }),
  ),
  compression: Type.Optional(
    Type.Union(
      [Type.Literal('none'), Type.Literal('lz4'), Type.Literal('zlib'), Type.Literal('zstd'), Type.Literal('snappy')],
      { default: 'none', description: 'Compression of what the broker stores.' },
    ),
  ),
  batching: Type.Optional(
    Type.Boolean({
      description:
        'Stores several messages as one entry: more throughput, but a subscription that crashes gets a whole batch again. Default: off over WebSocket, on with the native client.',
      examples: [true],
    }),
  ),
  chunking: Type.Optional(
    Type.Boolean({
      default: false,
      description: 'Splits messages that are too large; switches `batching` off. Native client only.',
    }),
  ),
  create: Type.Optional(CreateOptions),
  maxMessageBytes: Type.Optional(
    Size({
      description:
        'Largest message, properties included, that the broker takes. Over WebSocket that is a frame, in which the body takes four thirds (`webSocketMaxTextFrameSize` of the broker, 1 MiB by default); with the native client the message (`maxMessageSize`, 5 MiB by default).',
      examples: ['1MiB'],
    }),
  ),
  timeout: Type.Optional(
    Duration({ default: '30s', description: 'How long the broker may take to store a message; at least 1 s.' }),
  ),
})

export type SinkOptions = Static<typeof SinkOptions>
