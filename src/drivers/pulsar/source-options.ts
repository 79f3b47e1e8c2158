import { type Static, Type } from 'typebox'
import { Closed } from '../../core/schema.ts'

const Topic = Type.String({
  minLength: 1,
  description: 'Name of a topic: its last name, or with tenant and namespace. A partitioned topic is named as a whole.',
  examples: ['orders', 'persistent://shop/eu/orders'],
})

export const CreateOptions = Closed(
  {
    partitions: Type.Integer({
      minimum: 1,
      maximum: 10_000,
      description: 'Partitions of a topic Sluice creates. A topic that exists is left as it is.',
    }),
  },
  {
    description:
      'Creates a partitioned topic that is missing; needs `admin` of the connection. Without it the broker decides: by default it makes a topic without partitions when it is first used.',
  },
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
        'Regular expression over full names of topics in one namespace; topics that appear later are taken up within a minute. Native client only.',
      examples: ['persistent://public/default/shop\\..*'],
    }),
  ),
  subscription: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      pattern: '^[^/]+$',
      description: 'Name of the subscription, created if there is none. Default: `sluice.` and the route.',
      examples: ['sluice.orders'],
    }),
  ),
  type: Type.Optional(
    Type.Union(
      [Type.Literal('failover'), Type.Literal('exclusive'), Type.Literal('key_shared'), Type.Literal('shared')],
      {
        default: 'failover',
        description:
          '`failover`: one gateway consumes, others stand by; order is kept. `exclusive`: one gateway, a second one is refused. `key_shared`: gateways share the keys; order of a key is kept. `shared`: gateways share the messages, without order.',
      },
    ),
  ),
  from: Type.Optional(
    Type.Union([Type.Literal('earliest'), Type.Literal('latest')], {
      default: 'earliest',
      description: 'Where a new subscription begins. An existing one goes on where it is.',
    }),
  ),
  receiverQueueSize: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 1_000,
      description:
        'Messages the broker sends ahead of what the route has room for. In a shared subscription others do not get these. Default: `inFlight`, at most 1000.',
      examples: [100],
    }),
  ),
  readCompacted: Type.Optional(
    Type.Boolean({
      default: false,
      description: 'Reads the compacted topic: of each key the last message only. Native client only.',
    }),
  ),
  create: Type.Optional(CreateOptions),
})

export type SourceOptions = Static<typeof SourceOptions>
export type CreateOptions = Static<typeof CreateOptions>
