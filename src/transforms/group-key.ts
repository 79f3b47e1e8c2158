import { SluiceError } from '../core/errors.ts'
import { compileTemplate } from '../core/expression.ts'
import type { Message } from '../core/message.ts'

/** The `key` of a batch or window as text; null where none is asked for, or the expression says null. */
export function groupKey(
  key: string | number | boolean | undefined,
  step: string,
): (message: Message) => string | null {
  if (key === undefined) return () => null
  const expression = compileTemplate(String(key))
  return message => {
    const value = expression.evaluate(message)
    if (typeof value === 'string') return value
    if (value === null || value === undefined) return null
    if (Buffer.isBuffer(value)) return value.toString('latin1')
    if (typeof value !== 'object') return String(value)
    throw new SluiceError(
      'EXPRESSION_FAILED',
      `${step}: the key ${expression.source} is a list or a map, not a text or a number`,
    )
  }
}
