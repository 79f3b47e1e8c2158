import type { ConnectionConfig } from '../../src/config/schema.ts'
import type { SluiceError } from '../../src/core/errors.ts'
import type { Message, MessageFields } from '../../src/core/message.ts'
import type {
  Connection,
  Delivery,
  Driver,
  EndpointContext,
  Features,
  Plugin,
  Sink,
  Source,
  TransactionContext,
  Transactions,
} from '../../src/core/ports.ts'
import { message, ORIGIN } from '../core/sample.ts'

const FEATURES: Features = {
  redelivery: 'each',
  orderedBatch: true,
  groups: false,
  headers: true,
  keys: true,
  tombstones: true,
  countsAttempts: true,
  durable: true,
  maxBytes: 1e9,
  keyOption: 'key',
}

export interface Script {
  readonly features?: Partial<Features>
  check?(signal: AbortSignal): Promise<void>
  source?(context: EndpointContext, signal: AbortSignal): Promise<Source>
  sink?(context: EndpointContext, signal: AbortSignal): Promise<Sink>
  transactions?(context: TransactionContext): Transactions
  dispose?(): Promise<void>
}

/** A driver that does what a test says, for what no well-behaved driver does: hang, throw, end by itself. */
export function scripted(name: string, script: Script): { plugin: Plugin; connection: ConnectionConfig } {
  const connect = (): Connection => ({
    check: async signal => script.check?.(signal),
    source: (_options, context, signal) => script.source!(context, signal),
    sink: (_options, context, signal) => script.sink!(context, signal),
    ...(script.transactions && { transactions: (_source, _sink, context) => script.transactions!(context) }),
    [Symbol.asyncDispose]: async () => script.dispose?.(),
  })
  const driver = { name, schemes: [name], features: { ...FEATURES, ...script.features }, schema: {}, connect }
  return {
    plugin: { name, drivers: [driver as unknown as Driver] },
    connection: { name, driver: name, options: {} },
  }
}

/** A source out of a generator. */
export function sourceOf(
  receive: (signal: AbortSignal) => AsyncIterable<readonly Delivery[]>,
  rest: Partial<Source> = {},
): Source {
  return { receive, async [Symbol.asyncDispose]() {}, ...rest }
}

/** A sink out of a function that gives the results. */
export function sinkOf(
  publish: (messages: readonly Message[], signal: AbortSignal) => Promise<readonly (SluiceError | null)[]>,
  rest: Partial<Sink> = {},
): Sink {
  return { publish, async [Symbol.asyncDispose]() {}, ...rest }
}

/** A delivery that notes how often it was acked. */
export class Handed implements Delivery {
  readonly message: Message
  expired = false
  acks = 0

  constructor(fields: Partial<MessageFields> & { readonly attempt?: number } = {}) {
    const { attempt = 1, headers, ...rest } = fields
    this.message = message({
      bytes: Buffer.from('{}'),
      source: { ...ORIGIN, attempt },
      ...rest,
      ...(headers === undefined ? {} : { headers }),
    })
  }

  ack(): void {
    this.acks++
  }

  release(): void {}
}

/** Until the signal aborts. */
export function forever(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** Never, whatever is aborted. */
export const never = <T>(): Promise<T> => new Promise<T>(() => {})
