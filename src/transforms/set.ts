import { type Static, Type } from 'typebox'
import { SluiceError } from '../core/errors.ts'
import { compileTree, type Expression } from '../core/expression.ts'
import { textOf } from '../core/json-text.ts'
import { encodeBody, type Message, type MessageFields, RESERVED } from '../core/message.ts'
import type { OptionProblem, TransformFactory } from '../core/ports.ts'
import { Closed, Template, TemplateTree } from '../core/schema.ts'
import { setHeaders } from './set-headers.ts'
import { PropertySchema, setProperties } from './set-properties.ts'

const schema = Closed(
  {
    id: Type.Optional(Template({ description: 'Identity of the message from here on. Never null.' })),
    key: Type.Optional(
      Type.Union([Template(), Type.Null()], { description: 'Ordering and partition key for the target; null = none.' }),
    ),
    subject: Type.Optional(Template({ description: 'The name the message is routed by. Never null.' })),
    headers: Type.Optional(
      Type.Record(Type.String({ minLength: 1 }), TemplateTree(), {
        description: 'Headers to set, by name; null removes the header.',
      }),
    ),
    body: Type.Optional(
      TemplateTree({
        description: 'The new body: a tree with `${…}` at its leaves, or one `${…}`; null makes a tombstone.',
      }),
    ),
    contentType: Type.Optional(
      Type.Union([Template(), Type.Null()], { description: 'MIME type of the body; null removes it.' }),
    ),
    properties: Type.Optional(PropertySchema),
  },
  {
    description: 'Changes fields of the message. Every expression sees the message as it was before this `set`.',
    minProperties: 1,
  },
)

/** `set: { headers, key, subject, body, … }` */
export const set: TransformFactory = {
  name: 'set',
  schema,

  check(options): readonly OptionProblem[] {
    const { headers = {} } = options as Static<typeof schema>
    return Object.keys(headers)
      .filter(name => name.startsWith(RESERVED))
      .map(name => ({ path: ['headers', name], message: `headers that begin with ${RESERVED} belong to Sluice` }))
  },

  create(options) {
    const given = options as Static<typeof schema>
    const changes: Change[] = []
    const add = (tree: unknown, change: (expression: Expression) => Change) => {
      if (tree !== undefined) changes.push(change(compileTree(tree)))
    }
    add(given.id, expression => (message, fields) => {
      fields.id = text(expression, message, 'id')
    })
    add(given.key, expression => (message, fields) => {
      const key = expression.evaluate(message)
      fields.key = Buffer.isBuffer(key) ? key : (textOf(key) ?? null)
    })
    add(given.subject, expression => (message, fields) => {
      fields.subject = text(expression, message, 'subject')
    })
    if (given.headers !== undefined) changes.push(setHeaders(given.headers))
    add(given.body, expression => (message, fields) => {
      fields.bytes = encodeBody(expression.evaluate(message), message.decode)
    })
    const { contentType } = given
    const properties = contentType === undefined ? given.properties : { ...given.properties, contentType }
    if (properties !== undefined) changes.push(setProperties(properties))
    return message => {
      const fields: Fields = {}
      for (const change of changes) change(message, fields)
      return message.with(fields)
    }
  },
}

type Fields = { -readonly [K in keyof MessageFields]?: MessageFields[K] }
type Change = (message: Message, fields: Fields) => void

function text(expression: Expression, message: Message, what: string): string {
  const value = textOf(expression.evaluate(message))
  if (value !== undefined) return value
  throw new SluiceError('EXPRESSION_FAILED', `set: ${expression.source} is null, but the ${what} cannot be null`)
}
