import { type ASTNode, Environment, type ParseResult } from '@marcbachmann/cel-js'
import { addFunctions, addNumbers } from './cel-functions.ts'
import { dashedField, problemOf } from './cel-problem.ts'
import { walk } from './cel-walk.ts'
import { nearest } from './nearest.ts'
import type { TemplateProblem } from './template-scan.ts'

/** A variable of an environment: its CEL type, and the fields it has when they are fixed. */
export interface VariableSpec {
  readonly type: 'string' | 'double' | 'map' | 'dyn'
  readonly fields?: readonly string[]
}
export type Variables = Readonly<Record<string, VariableSpec>>

/** A parsed and type-checked expression. */
export interface Code {
  readonly source: string
  readonly ast: ASTNode
  /** The variables it reads, exactly; bound ones (`list.map(x, …)`) not included. */
  readonly reads: ReadonlySet<string>
  readonly run: ParseResult
}

/** Structural limits: far above what a person writes, far below what takes noticeable time or stack. */
const LIMITS = { maxAstNodes: 2_000, maxDepth: 64, maxListElements: 500, maxMapEntries: 500, maxCallArguments: 16 }

/** Names that CEL itself gives a meaning. */
const NAMES_OF_CEL: ReadonlySet<string> = new Set(
  'cel optional google string bool int uint double map list bytes null_type type'.split(' '),
)

/** The CEL dialect of Sluice: JSON-friendly numbers, mixed lists and maps, optionals, a few functions more. */
export function createEnvironment(variables: Variables): Environment {
  const environment = new Environment({
    enableOptionalTypes: true,
    homogeneousAggregateLiterals: false,
    limits: LIMITS,
  })
  addNumbers(environment)
  addFunctions(environment)
  for (const [name, { type }] of Object.entries(variables)) environment.registerVariable(name, type)
  return environment
}

/** Compiles one expression, or says what is wrong and where in it. */
export function compileCel(source: string, environment: Environment, variables: Variables): Code | TemplateProblem {
  let run: ParseResult
  try {
    run = environment.parse(source)
  } catch (error) {
    return problemOf(error, source)
  }
  const reads = new Set<string>()
  const problems: TemplateProblem[] = []
  walk(run.ast, {
    variable(name, node) {
      if (name in variables) reads.add(name)
      else if (!NAMES_OF_CEL.has(name)) problems.push(unknownVariable(name, node, variables))
    },
    node(node) {
      const problem = unknownField(node, variables) ?? unsafePattern(node) ?? unsafeKey(node)
      if (problem !== undefined) problems.push(problem)
    },
  })
  if (problems[0] !== undefined) return withDash(problems[0], run.ast)
  const checked = run.check()
  return checked.valid ? { source, ast: run.ast, reads, run } : problemOf(checked.error, source, run.ast)
}

// `headers.user-idx`: the unknown variable is the tail of a name with a dash.
function withDash(problem: TemplateProblem, ast: ASTNode): TemplateProblem {
  const dashed = dashedField(ast)
  return dashed === undefined ? problem : { ...problem, hint: `A name with a dash is written ${dashed}.` }
}

function unknownVariable(name: string, node: ASTNode, variables: Variables): TemplateProblem {
  const near = nearest(name, Object.keys(variables))
  return {
    offset: node.start,
    message: `there is no variable "${name}"`,
    hint: `${near === undefined ? '' : `Did you mean ${near}? `}There are: ${Object.keys(variables).join(' ')}.`,
  }
}

// `source.adress`, `properties.contentTyp`: these have fixed fields, so a wrong one can be told before any message.
function unknownField(node: ASTNode, variables: Variables): TemplateProblem | undefined {
  if (node.op !== '.' && node.op !== '.?') return undefined
  const [left, field] = node.args
  const fields = left.op === 'id' && Object.hasOwn(variables, left.args) ? variables[left.args]!.fields : undefined
  if (fields === undefined || fields.includes(field)) return undefined
  const near = nearest(field, fields)
  return {
    offset: node.pos,
    message: `"${(left as ASTNode & { op: 'id' }).args}" has no field "${field}"`,
    hint: `${near === undefined ? '' : `Did you mean ${near}? `}There are: ${fields.join(' ')}.`,
  }
}

// A regular expression out of a message could be made to run for ever; a literal one is also checked here and now.
function unsafePattern(node: ASTNode): TemplateProblem | undefined {
  if (node.op !== 'rcall' || node.args[0] !== 'matches' || node.args[2].length !== 1) return undefined
  const pattern = node.args[2][0]!
  if (pattern.op !== 'value' || typeof pattern.args !== 'string')
    return { offset: pattern.start, message: 'the pattern of matches() must be a string literal' }
  try {
    new RegExp(pattern.args)
    return undefined
  } catch (error) {
    return { offset: pattern.start, message: error instanceof Error ? error.message : String(error) }
  }
}

// The library leaves these keys out of map literals without a word.
function unsafeKey(node: ASTNode): TemplateProblem | undefined {
  if (node.op !== 'map') return undefined
  for (const [key] of node.args)
    if (key.op === 'value' && ['__proto__', 'constructor', 'prototype'].includes(String(key.args)))
      return {
        offset: key.start,
        message: `a map in an expression cannot have the key "${String(key.args)}"`,
        hint: 'Write the map as YAML with expressions at its leaves.',
      }
  return undefined
}
