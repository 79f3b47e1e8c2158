import type { ASTNode } from '@marcbachmann/cel-js'
import { noField, noIndex } from './cel-problem.ts'
import { leaveCel } from './cel-values.ts'
import { SluiceError } from './errors.ts'

interface Step {
  readonly key: string | number
  /** Source of what the step is taken from, for the error. */
  readonly left: string
}

export interface PlainPath {
  readonly root: string
  readonly steps: readonly Step[]
}

/** The path of an expression that is nothing but one (`headers.a`, `body.items[0]["b c"]`), or undefined. */
export function plainPath(ast: ASTNode): PlainPath | undefined {
  const steps: Step[] = []
  let node = ast
  while (node.op === '.' || node.op === '[]') {
    const left: ASTNode = node.args[0]
    const key = keyOf(node)
    if (key === undefined) return undefined
    steps.unshift({ key, left: node.input.slice(left.start, left.end) })
    node = left
  }
  return node.op === 'id' ? { root: node.args, steps } : undefined
}

function keyOf(node: ASTNode & { op: '.' | '[]' }): string | number | undefined {
  if (node.op === '.') return node.args[1]
  const index = node.args[1]
  if (index.op !== 'value') return undefined
  if (typeof index.args === 'string') return index.args
  return typeof index.args === 'bigint' ? Number(index.args) : undefined
}

/** Follows the steps with CEL's semantics: own fields only, whole-number indexes into lists. Throws EXPRESSION_FAILED. */
export function follow(start: unknown, steps: readonly Step[], source: string): unknown {
  let value = start
  for (const step of steps) {
    const next = take(value, step.key)
    if (next === undefined) throw lacking(value, step, source)
    value = next
  }
  return leaveCel(value)
}

function take(value: unknown, key: string | number): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  if (Array.isArray(value)) return typeof key === 'number' ? value[key] : undefined
  if (value instanceof Uint8Array) return undefined
  return Object.hasOwn(value, key) ? (value as Record<string | number, unknown>)[key] : undefined
}

function lacking(value: unknown, step: Step, source: string): SluiceError {
  const what = Array.isArray(value) && typeof step.key === 'number' ? noIndex : noField
  return new SluiceError('EXPRESSION_FAILED', `\${${source.trim()}}: ${what(step.left, step.key)}`)
}
