import { type Static, Type } from 'typebox'
import { SluiceError } from '../core/errors.ts'
import { compileTemplate, type Expression } from '../core/expression.ts'
import { encodeBody, type Message } from '../core/message.ts'
import type { TransformFactory } from '../core/ports.ts'
import { Closed, Template } from '../core/schema.ts'

/** Most pieces of one message unless `max` says otherwise: a megabyte of `[0,0,…]` must not become half a million messages. */
const MOST_PIECES = 10_000

const List = Template({ description: 'An expression that yields a list.', examples: ['${body.items}'] })
const schema = Type.Union(
  [
    List,
    Closed({
      by: List,
      max: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: 1_000_000,
          default: MOST_PIECES,
          description: 'Most pieces of one message; a message with more is poison.',
        }),
      ),
    }),
  ],
  {
    description:
      'One message per element of a list, in its order: the body is the element, everything else stays; ids are `<id>/0`, `<id>/1`, … An empty list leaves nothing (counted as filtered).',
  },
)

/** `split: ${…}` — one message per element of a list. */
export const split: TransformFactory = {
  name: 'split',
  schema,
  create(options) {
    const given = options as Static<typeof schema>
    const { by, max = MOST_PIECES } = typeof given === 'object' ? given : { by: given }
    const expression = compileTemplate(String(by))
    return message => {
      const list = expression.evaluate(message)
      if (!Array.isArray(list))
        throw new SluiceError('EXPRESSION_FAILED', `split: ${expression.source} does not yield a list`)
      if (list.length > max) throw tooMany(expression, list.length, max)
      return list.map((element: unknown, index) => piece(message, element, index))
    }
  },
}

// The same message splits into the same ids every time, so that a redelivery is recognised piece by piece.
function piece(message: Message, element: unknown, index: number): Message {
  const id = `${message.id}/${index}`
  const bytes = element === null ? Buffer.from('null') : encodeBody(element, message.decode)
  const { properties } = message
  return properties.messageId === undefined
    ? message.with({ id, bytes })
    : message.with({ id, bytes, properties: { ...properties, messageId: id } })
}

function tooMany({ source }: Expression, length: number, max: number): SluiceError {
  return new SluiceError('TRANSFORM_FAILED', `split: ${source} has ${length} elements, more than the ${max} allowed`, {
    hint: 'Raise `max` of the split, or keep such messages away with a filter.',
  })
}
