import { type Static, Type } from 'typebox'
import { Closed, Duration, Rate, Size, Template } from '../core/schema.ts'

/** Names of routes and connections: they end up in consumer names, file names, metrics and paths. */
export const NAME = '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'

export const Backoff = Closed(
  {
    initial: Type.Optional(Duration({ default: '100ms', description: 'Wait before the second attempt.' })),
    max: Type.Optional(Duration({ default: '30s', description: 'Longest wait between two attempts.' })),
    factor: Type.Optional(
      Type.Number({
        default: 2,
        minimum: 1,
        maximum: 100,
        description: 'Each wait is this many times the one before.',
      }),
    ),
    jitter: Type.Optional(
      Type.Number({
        default: 0.2,
        minimum: 0,
        maximum: 1,
        description: 'Random share of each wait: 0.2 varies it by up to 20 %, so that failures do not retry in step.',
      }),
    ),
  },
  { default: {}, description: 'How long to wait between attempts.' },
)

export const Retry = Closed(
  {
    attempts: Type.Optional(
      Type.Integer({
        default: 8,
        minimum: 1,
        maximum: 1_000_000,
        description:
          'Attempts per message before it is dead-lettered, the first included. Outages of a broker do not count. Without `deadLetter` attempts never end.',
      }),
    ),
    backoff: Type.Optional(Backoff),
  },
  { default: {}, description: 'What happens to a message whose publishing or transform failed and may do well later.' },
)

export const DeadLetterWindow = Closed(
  {
    size: Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'How many of the last messages to look at.' }),
    threshold: Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      description: 'The route stops when more than this many of them were dead-lettered.',
    }),
  },
  { description: 'Stops a route that dead-letters almost everything, instead of draining its source.' },
)

export const Order = Type.Union(
  [
    Type.Literal('none', { description: 'No order at all: every message goes as soon as it can.' }),
    Type.Literal('source', { description: 'The order of the source: per queue, per partition.' }),
    Closed({ by: Template({ description: 'Messages with an equal value keep their order; others go in parallel.' }) }),
  ],
  {
    description:
      'What keeps its order through retries and restarts. Default: by the ordering key of the target, where `to` gives one; else by `${key}`, where the source has keys; else `none`. With a `batch` or `window` step: `source`.',
    examples: [{ by: '${headers.user_id}' }, 'source', 'none'],
  },
)

export const DEDUP = {
  by: Type.Optional(
    Template({ default: '${id}', description: 'Two messages with an equal value are the same message.' }),
  ),
  window: Type.Optional(Duration({ default: '10m', description: 'How long a delivered key is remembered.' })),
  count: Type.Optional(
    Type.Integer({
      default: 1_000_000,
      minimum: 1,
      maximum: 1_000_000_000,
      description: 'Most keys remembered; the oldest are forgotten first.',
    }),
  ),
}

export const Batch = Closed(
  {
    size: Type.Optional(
      Type.Integer({ default: 1_000, minimum: 1, maximum: 100_000, description: 'Most messages in one publish.' }),
    ),
    bytes: Type.Optional(
      Size({ default: '1MiB', description: 'Most bytes in one publish; a larger message goes alone.' }),
    ),
    linger: Type.Optional(
      Duration({
        default: '5ms',
        description: 'Longest wait for a fuller publish while others are under way. A first publish never waits.',
      }),
    ),
    concurrency: Type.Optional(
      Type.Integer({ default: 4, minimum: 1, maximum: 256, description: 'Publishes under way at once.' }),
    ),
  },
  {
    default: {},
    description:
      'How many messages share one publish call; they stay messages of their own. Larger is faster, smaller is sooner. One message out of many is made by the step `batch`.',
  },
)

export const Reply = Type.Union(
  [
    Type.Boolean({ description: '`true`: with the defaults.' }),
    Closed({
      timeout: Type.Optional(
        Duration({
          default: '5s',
          description:
            'From the receipt of a request to its answer, 10 ms to 1 h; then the requester gets an error. Also how long an answer is tried to be brought back.',
        }),
      ),
      address: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 200,
          description:
            'Where answers arrive at the target. Kafka: a topic, which all gateways share (required). RabbitMQ: how the names of the gateways’ own queues begin, `sluice.reply` by default.',
          examples: ['shop.replies'],
        }),
      ),
    }),
  ],
  {
    description:
      'Bridges requests: each message that says where its answer goes is answered there, with what the target answers, or with an error.',
    examples: [true, { timeout: '2s' }],
  },
)

/** The options of a route that no driver, transform or store has a say in. */
export const ROUTE_OPTIONS = {
  order: Type.Optional(Order),
  delivery: Type.Optional(
    Type.Union([Type.Literal('at-least-once'), Type.Literal('exactly-once')], {
      default: 'at-least-once',
      description:
        '`exactly-once`: what is published and what is acknowledged become visible together, in transactions of the broker. Takes source and target on one connection that has transactions: Kafka topics of one cluster. Readers must read committed records only.',
    }),
  ),
  retry: Type.Optional(Retry),
  inFlight: Type.Optional(
    Type.Integer({
      default: 2_000,
      minimum: 1,
      maximum: 1_000_000,
      description: 'Most messages received and not yet settled. Also the prefetch of a RabbitMQ source.',
    }),
  ),
  rate: Type.Optional(Rate({ description: 'Most messages per time. Default: as fast as it goes.' })),
  decode: Type.Optional(
    Type.Union([Type.Literal('json'), Type.Literal('text'), Type.Literal('none')], {
      default: 'json',
      description: 'How `body` is read where an expression or transform asks for it; otherwise nothing is decoded.',
    }),
  ),
  batch: Type.Optional(Batch),
  slow: Type.Optional(
    Duration({ description: 'A message slower than this is worth a warning. Default: the top-level `slow`.' }),
  ),
  reply: Type.Optional(Reply),
  enabled: Type.Optional(
    Type.Boolean({ default: true, description: '`false` keeps the route in the file and does not run it.' }),
  ),
}

export type DeliveryConfig = 'at-least-once' | 'exactly-once'
export type ReplyConfig = Readonly<{ timeout: string; address?: string }>
export type OrderConfig = Static<typeof Order>
export type BackoffConfig = Readonly<Required<Static<typeof Backoff>>>
export type RetryConfig = Readonly<Required<Omit<Static<typeof Retry>, 'backoff'>> & { backoff: BackoffConfig }>
export type BatchConfig = Readonly<Required<Static<typeof Batch>>>
export type WindowConfig = Readonly<Static<typeof DeadLetterWindow>>
