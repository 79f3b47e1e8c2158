import { compileTemplate } from '../../core/expression.ts'
import type { Driver } from '../../core/ports.ts'
import { PulsarConnection, type TransportOf } from './connection.ts'
import { ConnectionOptions } from './connection-options.ts'
import { problemsOf, replyProblems } from './option-problems.ts'
import { previewer } from './preview.ts'
import { SinkOptions } from './sink-options.ts'
import { SourceOptions } from './source-options.ts'
import { parseNamespace } from './topic-name.ts'
import { WsTransport } from './ws-transport.ts'

/** A WebSocket frame of 1 MiB, the broker's default, in which the body is base64. */
const MAX_BYTES = (1024 * 1024 * 3) / 4

const transportOf: TransportOf = async (address, context) => {
  if (address.scheme.startsWith('ws')) return new WsTransport(address)
  const { NativeTransport } = await import('./native-transport.ts')
  return NativeTransport.load(address, context.log)
}

/** Pulsar 2.10 to 4.x, over its WebSocket API or by the native client. */
export const pulsar: Driver = {
  name: 'pulsar',
  schemes: ['pulsar', 'pulsar+ssl', 'ws', 'wss'],
  features: {
    redelivery: 'each',
    // Over WebSocket what follows a failed message of a call is stored all the same.
    orderedBatch: false,
    groups: true,
    headers: true,
    keys: true,
    tombstones: true,
    // Only what is given back is counted, and forgotten when the last consumer leaves.
    countsAttempts: false,
    durable: true,
    maxBytes: MAX_BYTES,
    keyOption: 'key',
    replies: 'shared',
  },
  schema: { connection: ConnectionOptions, source: SourceOptions, sink: SinkOptions },
  connect: (options, context) => new PulsarConnection(options as ConnectionOptions, context, transportOf),
  readBack(sinkOptions, group) {
    const { constant } = compileTemplate(String((sinkOptions as SinkOptions).topic))
    if (constant === undefined) return undefined
    // A second reader is refused: as a stand-by it would see nothing, and say that there is nothing.
    return { topic: String(constant), subscription: group, type: 'exclusive', from: 'earliest' } satisfies SourceOptions
  },
  preview(options, connection) {
    const { namespace = 'public/default' } = connection as ConnectionOptions
    return previewer(options as SinkOptions, parseNamespace(namespace)!)
  },
  check: (part, options) => problemsOf(part, options),
  checkReply: (part, options) => (part === 'sink' ? replyProblems(options as SinkOptions) : []),
}
