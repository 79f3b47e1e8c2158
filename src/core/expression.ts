import { type Code, compileCel, createEnvironment } from './cel.ts'
import { failure } from './cel-problem.ts'
import { leaveCel, put } from './cel-values.ts'
import { SluiceError } from './errors.ts'
import { jsonText, textOf } from './json-text.ts'
import type { Message } from './message.ts'
import { MESSAGE_VARIABLES, MessageScope, READ, scopeOfMaps, type Variable } from './message-scope.ts'
import { follow, plainPath } from './plain-path.ts'
import { scanTemplate, type TemplatePart, type TemplateProblem } from './template-scan.ts'

export type { Variable } from './message-scope.ts'
export type { TemplateProblem } from './template-scan.ts'

/** A compiled `${…}` or template: evaluated per message, never compiled again. */
export interface Expression {
  /** As written in routes.yaml. */
  readonly source: string
  /** Which variables it reads; `body` means the pipeline has to decode. */
  readonly reads: ReadonlySet<Variable>
  /** The value of a template that reads nothing of the message; undefined when it has to be evaluated. */
  readonly constant: unknown
  /** Ordinary JSON-like data (no BigInt where a number is exact). Throws EXPRESSION_FAILED, BODY_INVALID. */
  evaluate(message: Message): unknown
}

const ENVIRONMENT = createEnvironment(MESSAGE_VARIABLES)
const NOTHING: ReadonlySet<Variable> = new Set()

/** A text that is one `${…}` keeps the value's type; otherwise it is interpolation; without `${` a constant. Throws OPTIONS_INVALID. */
export function compileTemplate(text: string): Expression {
  const compiled = tryTemplate(text)
  if ('evaluate' in compiled) return compiled
  const { offset, message, hint } = compiled
  throw new SluiceError('OPTIONS_INVALID', `"${text}": ${message} (at character ${offset + 1})`, { hint })
}

/** The first problem of a template and its place in the text, or undefined when `compileTemplate` takes it. */
export function templateProblem(text: string): TemplateProblem | undefined {
  const compiled = tryTemplate(text)
  return 'evaluate' in compiled ? undefined : compiled
}

function tryTemplate(text: string): Expression | TemplateProblem {
  const parts = scanTemplate(text)
  if ('offset' in parts) return parts
  const pieces: (string | Expression)[] = []
  for (const part of parts) {
    const piece = typeof part === 'string' ? part : expressionOf(part)
    if (typeof piece === 'object' && 'offset' in piece) return piece
    pieces.push(piece)
  }
  const [first] = pieces
  if (pieces.length === 1) return typeof first === 'string' ? constant(text, first) : { ...first!, source: text }
  const reads = union(pieces.filter(piece => typeof piece === 'object'))
  const evaluate = (message: Message) => interpolate(pieces, message)
  return reads.size === 0 ? folded(text, 0, evaluate) : { source: text, reads, constant: undefined, evaluate }
}

function expressionOf({ code, offset }: Exclude<TemplatePart, string>): Expression | TemplateProblem {
  const compiled = compileCel(code, ENVIRONMENT, MESSAGE_VARIABLES)
  if ('message' in compiled) return { ...compiled, offset: offset + compiled.offset }
  const reads = compiled.reads as ReadonlySet<Variable>
  const evaluate = evaluator(compiled, reads)
  return reads.size === 0 ? folded(code, offset, evaluate) : { source: code, reads, constant: undefined, evaluate }
}

function evaluator(code: Code, reads: ReadonlySet<Variable>): Expression['evaluate'] {
  const path = plainPath(code.ast)
  if (path === undefined || !Object.hasOwn(READ, path.root)) return message => evaluateCel(code, reads, message)
  const read = READ[path.root as Variable]
  const { steps } = path
  if (steps.length === 0) return read
  return message => follow(read(message), steps, code.source)
}

/** The general way. Exported for the tests that hold the fast path against it. */
export function evaluateCel(code: Code, reads: ReadonlySet<Variable>, message: Message): unknown {
  try {
    return leaveCel(code.run(new MessageScope(message) as object))
  } catch (error) {
    if (!mistakesRecords(error)) throw failure(error, code.source)
  }
  try {
    return leaveCel(code.run(scopeOfMaps(message, reads)))
  } catch (error) {
    throw failure(error, code.source)
  }
}

// The library takes a record with a field named `constructor` for an instance of an unknown class, or stumbles over it.
function mistakesRecords(error: unknown): boolean {
  if (error instanceof TypeError) return true
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'unsupported_type' || code === 'variable_type_mismatch' || code === 'field_type_mismatch'
}

// An expression that reads nothing is evaluated here and now: a mistake in it shows at once.
function folded(source: string, offset: number, evaluate: (message: Message) => unknown): Expression | TemplateProblem {
  try {
    return constant(source, evaluate(undefined as unknown as Message))
  } catch (error) {
    return { offset, message: error instanceof Error ? error.message : String(error) }
  }
}

function constant(source: string, value: unknown): Expression {
  return { source, reads: NOTHING, constant: value, evaluate: () => value }
}

function union(expressions: Iterable<Expression>): ReadonlySet<Variable> {
  const all = new Set<Variable>()
  for (const { reads } of expressions) for (const variable of reads) all.add(variable)
  return all
}

function interpolate(pieces: readonly (string | Expression)[], message: Message): string {
  let text = ''
  for (const piece of pieces) text += typeof piece === 'string' ? piece : asText(piece, piece.evaluate(message))
  return text
}

// Null has no text: `orders.${headers.region}` must not become `orders.`, another name than anybody meant.
function asText(piece: Expression, value: unknown): string {
  const text = textOf(value)
  if (text !== undefined) return text
  throw new SluiceError('EXPRESSION_FAILED', `\${${piece.source.trim()}} is null and cannot be part of a text`)
}

/** A YAML tree with templates at its string leaves. Throws OPTIONS_INVALID. */
export function compileTree(tree: unknown): Expression {
  if (typeof tree === 'string') return compileTemplate(tree)
  if (typeof tree !== 'object' || tree === null) return constant(String(tree), tree)
  const source = jsonText(tree)
  const names = Array.isArray(tree) ? undefined : Object.keys(tree)
  const computed = names?.find(name => name.includes('${'))
  if (computed !== undefined)
    throw new SluiceError('OPTIONS_INVALID', `"${computed}": a key is taken as it is; \${…} works in values only`)
  const children = Object.values(tree).map(compileTree)
  const reads = union(children)
  const build = (message: Message): unknown => {
    if (names === undefined) return children.map(child => child.evaluate(message))
    const record: Record<string, unknown> = {}
    for (let i = 0; i < names.length; i++) put(record, names[i]!, children[i]!.evaluate(message))
    return record
  }
  if (reads.size === 0) return constant(source, build(undefined as unknown as Message))
  return { source, reads, constant: undefined, evaluate: build }
}
