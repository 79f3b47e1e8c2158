import { compileTemplate } from '../../core/expression.ts'
import type { Driver, Features, OptionProblem } from '../../core/ports.ts'
import { NatsConnection } from './connection.ts'
import { type ConnectionOptions, connectionSchema } from './connection-options.ts'
import { problemsOf, replyProblems } from './option-problems.ts'
import { previewer } from './preview.ts'
import { type SinkOptions, sinkSchema } from './sink-options.ts'
import { type SourceOptions, sourceSchema } from './source-options.ts'
import { asName } from './subject.ts'

/** What a stream of JetStream and its durable consumers can do. */
const STREAM: Features = {
  redelivery: 'each',
  // A stream may refuse one message of a pipeline (a limit, a change of leader) and store the next.
  orderedBatch: false,
  groups: true,
  headers: true,
  keys: true,
  tombstones: true,
  countsAttempts: true,
  durable: true,
  maxBytes: 1_048_576,
  keyOption: 'key',
}

/** What core NATS can do, which keeps nothing. */
const CORE: Features = { ...STREAM, countsAttempts: false, durable: false, replies: 'own' }

/** NATS 2.9 and later: subjects of core NATS, and streams of JetStream. */
export const nats: Driver = {
  name: 'nats',
  schemes: ['nats', 'natss', 'tls'],
  features: STREAM,
  featuresOf: (_part, options) => ((options as SourceOptions | SinkOptions).stream === undefined ? CORE : STREAM),
  schema: { connection: connectionSchema, source: sourceSchema, sink: sinkSchema },
  connect: (options, context) => new NatsConnection(options as ConnectionOptions, context),
  readBack(sinkOptions, group) {
    const { stream, subject } = sinkOptions as SinkOptions
    if (stream === undefined) return undefined
    const filter = compileTemplate(String(subject)).constant
    return {
      stream,
      consumer: asName(group),
      // Who looks holds everything unacked, and the next one should not have to wait long for it.
      maxAckPending: -1,
      ackWait: '2s',
      ...(typeof filter === 'string' ? { filter } : {}),
    } satisfies SourceOptions
  },
  preview: options => previewer(options as SinkOptions),
  check: (part, options): readonly OptionProblem[] => problemsOf(part, options),
  checkReply: (part, options) => replyProblems(part, options as SourceOptions | SinkOptions),
}

/** The same driver where only subjects of core NATS are used: its features are what the conformance suite goes by. */
export const coreNats: Driver = { ...nats, features: CORE }
