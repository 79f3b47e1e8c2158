import type { RouteConfig } from '../config/schema.ts'
import { SluiceError } from '../core/errors.ts'
import { compileTemplate, type Expression } from '../core/expression.ts'
import type { Message } from '../core/message.ts'
import type { Features } from '../core/ports.ts'

/** The ordering key of a received message; undefined = nothing orders it. */
export type OrderKey = (message: Message) => string | undefined

/**
 * What keeps its order on a route: `order`, else the ordering key of the target where `to` gives one, else the
 * message's own key.
 */
export function orderKey(route: RouteConfig, target: Features): OrderKey {
  const { order } = route
  if (order === 'none') return () => undefined
  if (order === 'source') return message => message.source.sequence
  const by = order?.by ?? (target.keyOption === undefined ? undefined : route.to.options[target.keyOption])
  if (by === undefined) return message => message.keyText ?? undefined
  return fromExpression(compileTemplate(String(by)))
}

function fromExpression(expression: Expression): OrderKey {
  return message => {
    const value = expression.evaluate(message)
    if (typeof value === 'string') return value
    if (value === null || value === undefined) return undefined
    if (Buffer.isBuffer(value)) return value.toString('latin1')
    if (typeof value === 'object')
      throw new SluiceError(
        'EXPRESSION_FAILED',
        `the ordering key ${expression.source} is a list or a map, not a text or a number`,
      )
    return String(value)
  }
}
