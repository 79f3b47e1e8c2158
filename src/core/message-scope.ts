import { isUtf8 } from 'node:buffer'
import type { Variables } from './cel.ts'
import { asMaps } from './cel-values.ts'
import type { Message } from './message.ts'

/** Variables an expression may read, per message. */
export type Variable = 'id' | 'key' | 'subject' | 'headers' | 'body' | 'timestamp' | 'source' | 'properties'

const ORIGIN_FIELDS = ['connection', 'address', 'position', 'attempt', 'sequence'] as const
const PROPERTY_FIELDS = [
  ...['messageId', 'contentType', 'contentEncoding', 'correlationId', 'replyTo', 'expiration', 'priority'],
  ...['deliveryMode', 'type', 'userId', 'appId', 'clusterId', 'timestamp'],
]

/** The variables of an expression in `routes`, evaluated per message. */
export const MESSAGE_VARIABLES = {
  id: { type: 'string' },
  key: { type: 'dyn' },
  subject: { type: 'string' },
  headers: { type: 'map' },
  body: { type: 'dyn' },
  timestamp: { type: 'double' },
  source: { type: 'map', fields: ORIGIN_FIELDS },
  properties: { type: 'map', fields: PROPERTY_FIELDS },
} as const satisfies Readonly<Record<Variable, Variables[string]>>

/** How each variable is read from a message. The key is text where its bytes are UTF-8, else bytes. */
export const READ: Readonly<Record<Variable, (message: Message) => unknown>> = {
  id: message => message.id,
  key: ({ key }) => (key === null || typeof key === 'string' || !isUtf8(key) ? key : key.toString('utf8')),
  subject: message => message.subject,
  headers: message => message.headers.view,
  body: message => message.body,
  timestamp: message => message.timestamp,
  // A record of exactly these fields: a driver may add its own to an origin, and expressions must not lean on them.
  source: ({ source }) => ({
    connection: source.connection,
    address: source.address,
    position: source.position,
    attempt: source.attempt,
    sequence: source.sequence,
  }),
  properties: message => message.properties,
}

/** What the library reads variables from; each is fetched only when the evaluation comes to it. */
export class MessageScope implements Readonly<Record<Variable, unknown>> {
  readonly #message: Message

  constructor(message: Message) {
    this.#message = message
  }

  get id(): unknown {
    return this.#message.id
  }
  get key(): unknown {
    return READ.key(this.#message)
  }
  get subject(): unknown {
    return this.#message.subject
  }
  get headers(): unknown {
    return this.#message.headers.view
  }
  get body(): unknown {
    return this.#message.body
  }
  get timestamp(): unknown {
    return this.#message.timestamp
  }
  get source(): unknown {
    return READ.source(this.#message)
  }
  get properties(): unknown {
    return this.#message.properties
  }
}

/** The same with records as Maps, for messages that have a field or header named `constructor` (see asMaps). */
export function scopeOfMaps(message: Message, reads: Iterable<Variable>): Readonly<Record<string, unknown>> {
  const scope: Record<string, unknown> = {}
  for (const variable of reads) scope[variable] = asMaps(READ[variable](message))
  return scope
}
