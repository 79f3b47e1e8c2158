import type { ASTNode } from '@marcbachmann/cel-js'

/** What the walk reports; offsets are in the expression. */
export interface Visitor {
  /** A variable that is not bound inside the expression. */
  variable?(name: string, node: ASTNode): void
  /** Every node, parents first. */
  node?(node: ASTNode): void
}

// Macros whose first argument names a variable that exists only inside the other arguments.
const BINDERS: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'map', 'filter'])

/** Walks an expression as written (macros unexpanded), telling free variables from bound ones. */
export function walk(node: ASTNode, visitor: Visitor, bound: readonly string[] = []): void {
  visitor.node?.(node)
  switch (node.op) {
    case 'value':
      return
    case 'id':
      if (!bound.includes(node.args)) visitor.variable?.(node.args, node)
      return
    case '.':
    case '.?':
      walk(node.args[0], visitor, bound)
      return
    case '!_':
    case '-_':
      walk(node.args, visitor, bound)
      return
    case 'call':
      for (const argument of node.args[1]) walk(argument, visitor, bound)
      return
    case 'rcall':
      walkMethod(node, visitor, bound)
      return
    case 'map':
      for (const [key, value] of node.args) {
        walk(key, visitor, bound)
        walk(value, visitor, bound)
      }
      return
    default:
      for (const child of node.args) walk(child, visitor, bound)
  }
}

function walkMethod(node: ASTNode & { op: 'rcall' }, visitor: Visitor, bound: readonly string[]): void {
  const [name, receiver, args] = node.args
  const [first, ...rest] = args
  const isBind = name === 'bind' && receiver.op === 'id' && receiver.args === 'cel' && args.length === 3
  const binds = isBind || (BINDERS.has(name) && args.length >= 2)
  if (!isBind) walk(receiver, visitor, bound)
  if (!binds || first?.op !== 'id') {
    for (const argument of args) walk(argument, visitor, bound)
    return
  }
  const inner = [...bound, first.args]
  if (isBind) {
    walk(rest[0]!, visitor, bound)
    walk(rest[1]!, visitor, inner)
  } else for (const argument of rest) walk(argument, visitor, inner)
}
