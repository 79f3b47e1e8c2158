import { type Static, Type } from 'typebox'
import { Closed, Duration, Size, Template } from '../../core/schema.ts'
import { queueProperties } from './source-options.ts'

const text = (description: string, example: string) => Type.Optional(Template({ description, examples: [example] }))

const properties = Closed(
  {
    messageId: text('Identity of the message.', '${id}'),
    contentType: text('MIME type of the body.', 'application/json'),
    contentEncoding: text('Encoding of the body.', 'gzip'),
    correlationId: text('Ties an answer to its question.', '${headers.trace}'),
    replyTo: text('Where answers go.', 'answers'),
    type: text('Name of the kind of message.', 'order.created'),
    userId: text('Checked by the broker against the user of the connection.', 'sluice'),
    appId: text('Name of the producing application.', 'shop'),
    timestamp: text('Seconds since 1970.', '${timestamp / 1000.0}'),
  },
  { description: 'AMQP properties to set; the others stay as the message brought them.' },
)

export const sinkSchema = Closed(
  {
    exchange: Type.Optional(
      Type.String({
        description: 'Exchange to publish to. It has to exist, unless `type` is given. Either this or `queue`.',
        minLength: 1,
        maxLength: 255,
        examples: ['shop'],
      }),
    ),
    queue: Type.Optional(
      Type.String({
        description: 'Queue to publish to, through the default exchange; created if there is none.',
        minLength: 1,
        maxLength: 255,
        examples: ['orders.dead'],
      }),
    ),
    type: Type.Optional(
      Type.String({
        description:
          'With `exchange`: declares it (durable) with this type. With `queue`: classic, quorum or stream, as in sources.',
        pattern: '^(direct|fanout|topic|headers|x-[a-z0-9-]+|classic|quorum|stream)$',
        examples: ['topic', 'quorum'],
      }),
    ),
    passive: queueProperties.passive,
    durable: queueProperties.durable,
    autoDelete: queueProperties.autoDelete,
    arguments: queueProperties.arguments,
    routingKey: text(
      'Routing key. Default: the subject the message came with; with `queue` always its name.',
      '${subject}',
    ),
    headers: Type.Optional(
      Type.Record(Type.String({ minLength: 1 }), Template(), {
        description: 'Headers to add or replace.',
        examples: [{ region: '${headers.region}' }],
      }),
    ),
    properties: Type.Optional(properties),
    priority: Type.Optional(Template({ description: 'Priority, 0 to 255.', examples: [5, '${headers.priority}'] })),
    expiration: Type.Optional(
      Template({ description: 'Time to live: a duration, or milliseconds.', examples: ['10m', '${headers.ttl}'] }),
    ),
    persistent: Type.Optional(
      Template({
        description: 'Stored on disk by durable queues. Default: as the message brought it, else true.',
        examples: [true],
      }),
    ),
    mandatory: Type.Optional(
      Type.Boolean({
        description: 'Learn of messages that no queue is bound for. false drops them in silence.',
        default: true,
        examples: [true],
      }),
    ),
    unroutable: Type.Optional(
      Type.Union([Type.Literal('poison'), Type.Literal('retry'), Type.Literal('discard')], {
        description: 'What to do with a message that no queue is bound for: dead-letter it, try again, or let it go.',
        default: 'poison',
        examples: ['retry'],
      }),
    ),
    publishTimeout: Type.Optional(
      Duration({
        description: 'Longest wait for the confirm of the broker; the time it says it is blocked does not count.',
        default: '30s',
        examples: ['30s'],
      }),
    ),
    maxMessageSize: Type.Optional(
      Size({
        description: "Largest body; the broker's `max_message_size` (16 MiB in RabbitMQ 4, 128 MiB before).",
        default: '16MiB',
        examples: ['16MiB'],
      }),
    ),
    maxUnconfirmed: Type.Optional(
      Type.Integer({
        description: 'Most messages sent ahead of their confirms.',
        minimum: 1,
        maximum: 1_000_000,
        default: 10_000,
        examples: [10_000],
      }),
    ),
  },
  { description: 'Publishes to a RabbitMQ exchange or queue.' },
)

export type SinkOptions = Static<typeof sinkSchema>
export type PropertyTemplates = Static<typeof properties>
