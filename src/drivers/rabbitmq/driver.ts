import type { Driver, OptionProblem } from '../../core/ports.ts'
import { RabbitConnection } from './connection.ts'
import { type ConnectionOptions, connectionSchema } from './connection-options.ts'
import { problemsOf, replyProblems } from './option-problems.ts'
import { partitionExpression } from './partitions.ts'
import { previewer } from './preview.ts'
import { type SinkOptions, sinkSchema } from './sink-options.ts'
import { type SourceOptions, sourceSchema } from './source-options.ts'

const KIBI = 1024

/** RabbitMQ 3.10 to 4.x over AMQP 0-9-1. */
export const rabbitmq: Driver = {
  name: 'rabbitmq',
  schemes: ['amqp', 'amqps'],
  features: {
    redelivery: 'each',
    orderedBatch: false,
    // Sources of one queue share it; that two readers each get everything takes two queues, bound to one exchange.
    groups: false,
    headers: true,
    keys: true,
    tombstones: true,
    // Quorum queues count, the others flag.
    countsAttempts: true,
    durable: true,
    maxBytes: 16 * KIBI * KIBI,
    replies: 'own',
  },
  schema: { connection: connectionSchema, source: sourceSchema, sink: sinkSchema },
  connect: (options, context) => new RabbitConnection(options as ConnectionOptions, context),
  readBack: sinkOptions => {
    const { queue } = sinkOptions as SinkOptions
    return queue === undefined ? undefined : { queue, passive: true }
  },
  partitionedBy: sourceOptions => partitionExpression(sourceOptions as SourceOptions),
  preview: options => previewer(options as SinkOptions),
  check: (part, options): readonly OptionProblem[] => problemsOf(part, options),
  checkReply: (part, options) => (part === 'sink' ? replyProblems(options as SinkOptions) : []),
}
