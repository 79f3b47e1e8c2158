import { type ASTNode, TypeError as CelTypeError, EvaluationError, ParseError } from '@marcbachmann/cel-js'
import { walk } from './cel-walk.ts'
import { describe, SluiceError } from './errors.ts'
import type { TemplateProblem } from './template-scan.ts'

type CelError = InstanceType<typeof EvaluationError>

const isCelError = (error: unknown): error is CelError =>
  error instanceof EvaluationError || error instanceof ParseError || error instanceof CelTypeError

const TOKENS: Readonly<Record<string, string>> = {
  EOF: 'the end',
  NUMBER: 'a number',
  STRING: 'a string',
  BOOLEAN: 'true or false',
  NULL: 'null',
  IDENTIFIER: 'a name',
  PLUS: '+',
  MINUS: '-',
  MULTIPLY: '*',
  DIVIDE: '/',
  MODULO: '%',
  EQ: '==',
  NE: '!=',
  LT: '<',
  LE: '<=',
  GT: '>',
  GE: '>=',
  AND: '&&',
  OR: '||',
  NOT: '!',
  IN: 'in',
  LPAREN: '(',
  RPAREN: ')',
  LBRACKET: '[',
  RBRACKET: ']',
  LBRACE: '{',
  RBRACE: '}',
  DOT: '.',
  COMMA: ',',
  COLON: ':',
  QUESTION: '?',
  BYTES: 'bytes',
}

/** What the library said while parsing or type-checking, as a problem of the expression. */
export function problemOf(error: unknown, source: string, ast?: ASTNode): TemplateProblem {
  if (!isCelError(error)) return { offset: 0, message: describe(error) }
  const offset = Math.min(error.range?.start ?? 0, source.length)
  const message = inWords(error.summary)
  const hint = hintFor(error, ast)
  return hint === undefined ? { offset, message } : { offset, message, hint }
}

function inWords(summary: string): string {
  const words = summary.replace(/\b[A-Z]{2,}\b/g, token => TOKENS[token] ?? token).replaceAll('dyn', 'any value')
  return words.charAt(0).toLowerCase() + words.slice(1)
}

function hintFor(error: CelError, ast: ASTNode | undefined): string | undefined {
  if (error.code === 'incompatible_ternary_branches') return 'Wrap one of the two in dyn(…).'
  const dashed = ast === undefined ? undefined : dashedField(ast)
  if (dashed !== undefined) return `A name with a dash is written ${dashed}.`
  if (error.code === 'unexpected_character' && /^'?=/.test(error.summary.split(': ')[1] ?? ''))
    return 'Two values are compared with ==.'
  return undefined
}

/** `headers.user-id` is a subtraction; what was meant is `headers["user-id"]`. */
export function dashedField(ast: ASTNode): string | undefined {
  let meant: string | undefined
  walk(ast, {
    node(node) {
      if (node.op !== '-') return
      const [left, right] = node.args
      if (left.op !== '.' || right.op !== 'id' || left.end + 1 !== right.start) return
      const [parent, field] = left.args
      meant ??= `${node.input.slice(parent.start, parent.end)}["${field}-${right.args}"]`
    },
  })
  return meant
}

/** An error while evaluating `source` for one message, naming the expression and, where there is one, the field. */
export function failure(error: unknown, source: string): SluiceError {
  if (error instanceof SluiceError) return error
  const what = `\${${source.trim()}}`
  if (!isCelError(error)) return new SluiceError('EXPRESSION_FAILED', `${what}: ${describe(error)}`, { cause: error })
  return new SluiceError('EXPRESSION_FAILED', `${what}: ${missing(error) ?? inWords(error.summary)}`)
}

function missing(error: CelError): string | undefined {
  const node = error.node as ASTNode | undefined
  const access = node !== undefined && (node.op === '.' || node.op === '[]' || node.op === '.?') ? node : undefined
  if (error.code === 'index_out_of_bounds') {
    const index = /index (-?[0-9.]+) (?:< 0|>= size ([0-9]+|undefined))/.exec(error.summary)
    if (index === null || access === undefined) return undefined
    return noIndex(access.input.slice(access.args[0].start, access.args[0].end), index[1]!)
  }
  if (error.code !== 'no_such_key') return undefined
  const key = error.summary.slice('No such key: '.length)
  return access === undefined ? undefined : noField(access.input.slice(access.args[0].start, access.args[0].end), key)
}

/** The words for a field that is not there; the fast path for plain paths says the same. */
export const noField = (left: string, key: string | number): string => `${left} has no "${key}"`
export const noIndex = (left: string, index: string | number): string => `${left} has no element ${index}`

/** The bare facts of an evaluation error, for places that must not show the library's words (they may hold values). */
export function celProblem(error: unknown): { offset: number; code: string; key: string | undefined } {
  if (!isCelError(error)) return { offset: 0, code: 'unknown', key: undefined }
  const key = error.code === 'no_such_key' ? error.summary.slice('No such key: '.length) : undefined
  return { offset: error.range?.start ?? 0, code: error.code, key }
}
