// First: it changes how the library below is loaded.
import './lazy-validators.ts'
import { describe } from '../../core/errors.ts'
import { compileTemplate } from '../../core/expression.ts'
import type { Driver, OptionProblem } from '../../core/ports.ts'
import { parseUrl } from './address.ts'
import { KafkaConnection } from './connection.ts'
import { ConnectionOptions } from './connection-options.ts'
import { previewer } from './preview.ts'
import { REPLY_HEADERS } from './reply-headers.ts'
import { checkSink } from './sink-check.ts'
import { SinkOptions } from './sink-options.ts'
import { SourceOptions } from './source-options.ts'
import { checkSource } from './source-settings.ts'

/** Kafka's default of `max.message.bytes` (1 MiB + 12), less what a batch of one record adds. */
const MAX_BYTES = 1_048_588 - 100

export const kafka: Driver = {
  name: 'kafka',
  schemes: ['kafka', 'kafkas'],
  features: {
    redelivery: 'from-oldest-unsettled',
    orderedBatch: true,
    groups: true,
    headers: true,
    keys: true,
    tombstones: true,
    countsAttempts: true,
    durable: true,
    maxBytes: MAX_BYTES,
    ownLag: true,
    transactions: true,
    keyOption: 'key',
    replies: 'shared',
  },
  schema: { connection: ConnectionOptions, source: SourceOptions, sink: SinkOptions },
  connect: (options, context) => new KafkaConnection(options as ConnectionOptions, context),
  readBack(sinkOptions, group) {
    const { constant } = compileTemplate(String((sinkOptions as SinkOptions).topic))
    if (constant === undefined) return undefined
    return { topics: [String(constant)], group, from: 'earliest' } satisfies SourceOptions
  },
  preview: options => previewer(options as SinkOptions),
  checkTransactions: source => checkTransactions(source as SourceOptions),
  check(part, options) {
    if (part === 'source') return checkSource(options as SourceOptions)
    return part === 'sink' ? checkSink(options as SinkOptions) : checkConnection(options as ConnectionOptions)
  },
  checkReply(part, options) {
    const { headers = {} } = part === 'sink' ? (options as SinkOptions) : {}
    const own = [...REPLY_HEADERS, 'reply-to', 'correlation-id']
    return Object.keys(headers)
      .filter(name => own.includes(name))
      .map(name => ({
        path: ['headers', name],
        message: `on a route with reply Sluice sets the header ${name} itself`,
        hint: 'Leave it out; the requester gets its own back.',
      }))
  },
}

// Records of transactions that are open or aborted would be published for good.
function checkTransactions({ isolation }: SourceOptions): readonly OptionProblem[] {
  if (isolation !== 'read_uncommitted') return []
  const message = 'exactly-once reads committed records only'
  return [{ path: ['from', 'isolation'], message, hint: 'Leave `isolation` out.' }]
}

function checkConnection(options: ConnectionOptions): readonly OptionProblem[] {
  const problems: OptionProblem[] = []
  try {
    parseUrl(options.url)
  } catch (error) {
    problems.push({
      path: ['url'],
      message: describe(error),
      hint: 'e.g. kafkas://user:password@kafka-1:9093,kafka-2:9093',
    })
  }
  if ((options.tls?.cert === undefined) !== (options.tls?.key === undefined))
    problems.push({ path: ['tls'], message: '`cert` and `key` belong together: one is missing' })
  return problems
}
