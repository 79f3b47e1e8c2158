import { SluiceError } from '../core/errors.ts'
import { compileTemplate } from '../core/expression.ts'
import type { OptionProblem, TransformFactory } from '../core/ports.ts'
import { Template } from '../core/schema.ts'

/** `filter: ${…}` — only messages for which the expression is true go on; the others are counted as filtered. */
export const filter: TransformFactory = {
  name: 'filter',
  schema: Template({
    description: 'An expression that is true for the messages that go on. The others are counted as filtered.',
    examples: ['${body.total > 0}'],
  }),

  check(options): readonly OptionProblem[] {
    if (typeof options === 'boolean') return []
    if (typeof options === 'string' && /(^|[^$])\$\{/.test(options)) return []
    return [{ path: [], message: 'a filter is an expression', hint: 'Write it inside ${…}, e.g. ${body.total > 0}.' }]
  },

  create(options) {
    const expression = compileTemplate(String(options))
    const constant = typeof options === 'boolean' ? options : expression.constant
    if (typeof constant === 'boolean') return constant ? message => message : () => undefined
    if (constant !== undefined)
      throw new SluiceError('OPTIONS_INVALID', `filter: ${String(options)} is not true or false`)
    return message => {
      const verdict = expression.evaluate(message)
      if (verdict === true) return message
      if (verdict === false) return undefined
      throw new SluiceError(
        'EXPRESSION_FAILED',
        `filter: ${expression.source} is ${kindOf(verdict)}, but has to be true or false`,
      )
    }
  },
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'a map or bytes' : `a ${typeof value}`
}
