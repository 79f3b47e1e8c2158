import { type Static, Type } from 'typebox'
import { Closed, Duration } from '../../core/schema.ts'

const Arguments = (description: string, example: object) =>
  Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description, examples: [example] }))

/** What a queue is declared with; shared by sources and sinks. */
export const queueProperties = {
  passive: Type.Optional(
    Type.Boolean({
      description: 'true: declare nothing, use what exists, and stop the route if it does not.',
      default: false,
      examples: [true],
    }),
  ),
  type: Type.Optional(
    Type.Union([Type.Literal('classic'), Type.Literal('quorum'), Type.Literal('stream')], {
      description: 'Kind of queue to declare. Default: that of an existing queue, else the default of the vhost.',
      examples: ['quorum'],
    }),
  ),
  durable: Type.Optional(
    Type.Boolean({ description: 'Survives a restart of the broker.', default: true, examples: [true] }),
  ),
  autoDelete: Type.Optional(
    Type.Boolean({ description: 'Deleted when its last consumer leaves.', default: false, examples: [false] }),
  ),
  arguments: Arguments('Further arguments of the declaration, such as `x-max-length`.', {
    'x-dead-letter-exchange': 'orders.dlx',
  }),
}

const binding = Closed({
  exchange: Type.String({ description: 'Exchange to bind to.', minLength: 1, examples: ['shop'] }),
  keys: Type.Optional(
    Type.Array(Type.String(), {
      description: 'Binding keys, one binding each. A fanout or headers exchange needs none.',
      examples: [['order.#', 'refund.*']],
    }),
  ),
  arguments: Arguments('Arguments of the binding: what a headers exchange matches.', {
    'x-match': 'all',
    region: 'eu',
  }),
  type: Type.Optional(
    Type.String({
      description: 'Declares the exchange (durable) with this type. Default: it has to exist.',
      pattern: '^(direct|fanout|topic|headers|x-[a-z0-9-]+)$',
      examples: ['topic'],
    }),
  ),
})

const partitionBy = Type.Union(
  [
    Closed({ header: Type.String({ description: 'Name of a header.', minLength: 1, examples: ['user_id'] }) }),
    Closed({
      property: Type.Union([Type.Literal('message_id'), Type.Literal('correlation_id'), Type.Literal('timestamp')], {
        description: 'Name of an AMQP property.',
        examples: ['correlation_id'],
      }),
    }),
  ],
  {
    description:
      'What messages that keep one order have in common: a header or a property. Messages without it go to one partition. Default: the routing key.',
    examples: [{ header: 'user_id' }],
  },
)

export const sourceSchema = Closed(
  {
    queue: Type.Optional(
      Type.String({
        description:
          'Queue to consume; created if there is none. Without a name: a temporary queue of its own, for bound exchanges.',
        minLength: 1,
        maxLength: 255,
        examples: ['sluice.orders'],
      }),
    ),
    ...queueProperties,
    exclusive: Type.Optional(
      Type.Boolean({
        description: 'The queue belongs to this connection and ends with it. Always so for a temporary one.',
        default: false,
        examples: [true],
      }),
    ),
    singleActiveConsumer: Type.Optional(
      Type.Boolean({
        description: 'Declares the queue with `x-single-active-consumer`: one gateway consumes, the others stand by.',
        default: false,
        examples: [true],
      }),
    ),
    partitions: Type.Optional(
      Type.Integer({
        description:
          'Strict order over several gateways: `queue` names a consistent-hash exchange with this many queues, `NAME.0` …, each with one active consumer. 1–256; give at least four times as many as gateways. They are quorum queues unless `type` says otherwise. Default: one queue.',
        minimum: 1,
        maximum: 256,
        examples: [8],
      }),
    ),
    partitionBy: Type.Optional(partitionBy),
    bind: Type.Optional(
      Type.Array(binding, {
        description: 'Bindings of the queue; with `partitions` of the consistent-hash exchange.',
        examples: [[{ exchange: 'shop', keys: ['order.#'] }]],
      }),
    ),
    prefetch: Type.Optional(
      Type.Integer({
        description:
          'Most messages the broker sends ahead of their acks, for each partition where there are `partitions`. Default: `inFlight`, divided by the partitions; fewer while messages are large.',
        minimum: 1,
        maximum: 65_535,
        examples: [1000],
      }),
    ),
    priority: Type.Optional(
      Type.Integer({
        description: 'Consumer priority: consumers with a higher one are served first.',
        minimum: -(2 ** 31),
        maximum: 2 ** 31 - 1,
        examples: [10],
      }),
    ),
    offset: Type.Optional(
      Type.Union([Type.Literal('first'), Type.Literal('last'), Type.Literal('next'), Type.Integer({ minimum: 0 })], {
        description: 'Where to begin in a stream; a number is an offset. A stream remembers no position over restarts.',
        default: 'first',
        examples: ['first', 'next', 12_345],
      }),
    ),
    consumerTimeout: Type.Optional(
      Duration({
        description:
          "The broker's `consumer_timeout`. Well before it, what is still unacknowledged is given back in order. 0 = none.",
        default: '30m',
        examples: ['30m'],
      }),
    ),
  },
  { description: 'Consumes a RabbitMQ queue or stream.' },
)

export type SourceOptions = Static<typeof sourceSchema>
export type PartitionBy = Static<typeof partitionBy>
export type Binding = Static<typeof binding>
