import { type Static, Type } from 'typebox'
import { SluiceError } from '../core/errors.ts'
import { compileTree, type Expression } from '../core/expression.ts'
import { textOf } from '../core/json-text.ts'
import type { Message, MessageFields, Properties } from '../core/message.ts'
import { Closed, Template } from '../core/schema.ts'

const Property = (description: string) => Type.Optional(Type.Union([Template(), Type.Null()], { description }))

export const PropertySchema = Closed(
  {
    messageId: Property('Message id of the protocol; null removes it.'),
    contentType: Property('MIME type of the body; null removes it.'),
    contentEncoding: Property('Encoding of the body, e.g. gzip; null removes it.'),
    correlationId: Property('Id that ties a reply to its request; null removes it.'),
    replyTo: Property('Where an answer is expected; null removes it.'),
    expiration: Property('Time to live as the protocol spells it (AMQP: milliseconds); null removes it.'),
    priority: Property('0–255; null removes it.'),
    deliveryMode: Property('AMQP: 1 transient, 2 persistent; null removes it.'),
    type: Property('Kind of message; null removes it.'),
    userId: Property('User that publishes (RabbitMQ checks it); null removes it.'),
    appId: Property('Application that publishes; null removes it.'),
    timestamp: Property('AMQP timestamp in seconds; null removes it.'),
  },
  { description: "The protocol's own properties, by their neutral names." },
)

type Writable = { -readonly [K in keyof Properties]: Properties[K] }
type Name = keyof Static<typeof PropertySchema>
const LIMITS: Partial<Record<Name, number>> = { priority: 255, deliveryMode: 255, timestamp: Number.MAX_SAFE_INTEGER }

/** The properties of a `set`. Throws OPTIONS_INVALID; per message EXPRESSION_FAILED. */
export function setProperties(
  given: Static<typeof PropertySchema>,
): (message: Message, fields: { properties?: MessageFields['properties'] }) => void {
  const expressions = Object.entries(given).map(([name, tree]) => [name as Name, compileTree(tree)] as const)
  return (message, fields) => {
    const properties: Writable = { ...message.properties }
    for (const [name, expression] of expressions) {
      const value = expression.evaluate(message)
      if (value === null || value === undefined) delete properties[name]
      else assign(properties, name, expression, value)
    }
    fields.properties = properties
  }
}

function assign(properties: Writable, name: Name, expression: Expression, value: unknown): void {
  const limit = LIMITS[name]
  if (limit === undefined) {
    ;(properties as Record<string, unknown>)[name] = textOf(value)
    return
  }
  const number = Number(value)
  if (!Number.isInteger(number) || number < 0 || number > limit)
    throw new SluiceError(
      'EXPRESSION_FAILED',
      `set: ${expression.source} gives no whole number from 0 to ${limit} for ${name}`,
    )
  ;(properties as Record<string, unknown>)[name] = name === 'timestamp' ? BigInt(number) : number
}
