import { type Static, Type } from 'typebox'
import { Closed, Duration, Template } from '../../core/schema.ts'
import { createSchema } from './stream-options.ts'
import { NAME_PATTERN } from './subject.ts'

export const sinkSchema = Closed(
  {
    subject: Template({
      description:
        'Subject to publish to. Without `stream` the message goes to core NATS, which keeps nothing: who does not listen at that moment never gets it, and Sluice counts it as delivered once the server has it (at most once from there).',
      examples: ['shop.orders', 'shop.${headers.region}.orders', '${subject}'],
    }),
    stream: Type.Optional(
      Type.String({
        pattern: NAME_PATTERN,
        description:
          'JetStream stream that stores the message; its ack is the confirmation. The subject must be one of the stream’s.',
        examples: ['ORDERS'],
      }),
    ),
    create: Type.Optional(createSchema),
    key: Type.Optional(
      Template({
        description:
          'Ordering key, carried in the header `sluice-key`. Default: the key of the message. NATS itself knows no keys.',
        examples: ['${headers.user_id}'],
      }),
    ),
    messageId: Type.Optional(
      Template({
        description:
          'With `stream`: value of `Nats-Msg-Id`, by which the stream drops what it has already within its `duplicateWindow`. What it calls a duplicate is compared with what it has, so two different messages with one id are both kept.',
        default: '${id}',
        examples: ['${id}', '${source.address}/${source.position}'],
      }),
    ),
    reply: Type.Optional(
      Template({
        description:
          'Without `stream`: subject for replies. Default: the `replyTo` of the message where it can be a subject. Empty = none.',
        examples: ['shop.replies'],
      }),
    ),
    headers: Type.Optional(
      Type.Record(
        Type.String({ minLength: 1 }),
        Template({ description: 'Value of the header.', examples: ['${source.connection}'] }),
        {
          description:
            'Headers set on top of the message’s own. Only these may be commands to the server, such as `Nats-TTL`; a message’s own `Nats-…` headers are carried without effect.',
          examples: [{ 'Nats-TTL': '1h' }],
        },
      ),
    ),
    timeout: Type.Optional(
      Duration({
        default: '10s',
        description:
          'Longest wait for the confirmation of a message; it is then published again, with the same `Nats-Msg-Id`.',
      }),
    ),
  },
  { description: 'A subject of core NATS, or of a JetStream stream.' },
)

export type SinkOptions = Static<typeof sinkSchema>
