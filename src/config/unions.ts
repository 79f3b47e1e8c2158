import type { ErrorObject } from 'ajv'

/**
 * ajv reports every branch of an `anyOf` that did not fit. A person meant one of them: keeps the errors of the branch that
 * was meant, or one error for the union where the value is of no branch's kind.
 */
export function collapseUnions(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  let left = errors
  for (;;) {
    const union = outermost(left)
    if (union === undefined) return left
    const inside = left.filter(error => error !== union && belongs(error, union))
    const meant = branchMeant(inside, union)
    left = left.filter(error => error !== union && !inside.includes(error))
    // Marked, so that it is not taken for an open union again.
    left = meant === undefined ? [...left, { ...union, propertyName: DONE }] : [...left, ...meant]
  }
}

const DONE = ' collapsed'

function outermost(errors: readonly ErrorObject[]): ErrorObject | undefined {
  const unions = errors.filter(
    error =>
      (error.keyword === 'anyOf' || error.keyword === 'oneOf') &&
      error.propertyName !== DONE &&
      errors.some(other => belongs(other, error)),
  )
  return unions.toSorted((a, b) => a.schemaPath.length - b.schemaPath.length)[0]
}

const belongs = (error: ErrorObject, union: ErrorObject): boolean =>
  error !== union &&
  error.schemaPath.startsWith(`${union.schemaPath}/`) &&
  (error.instancePath === union.instancePath || error.instancePath.startsWith(`${union.instancePath}/`))

function branchMeant(inside: readonly ErrorObject[], union: ErrorObject): readonly ErrorObject[] | undefined {
  const branches = new Map<string, ErrorObject[]>()
  for (const error of inside) {
    const index = error.schemaPath.slice(union.schemaPath.length + 1).split('/')[0]!
    branches.set(index, [...(branches.get(index) ?? []), error])
  }
  // A branch is of the right kind when the value itself is not what is wrong with it.
  const fitting = [...branches.values()].filter(
    branch =>
      !branch.some(
        error => error.instancePath === union.instancePath && ['type', 'const', 'enum'].includes(error.keyword),
      ),
  )
  return fitting.toSorted((a, b) => weight(a, union) - weight(b, union))[0]
}

// Errors deep in a branch say more for it than against it: its outer form was right. A wrong tag says it was not meant.
function weight(branch: readonly ErrorObject[], union: ErrorObject): number {
  let sum = 0
  for (const error of branch) {
    if (error.keyword === 'const' || error.keyword === 'enum') sum += 10
    else sum += error.instancePath === union.instancePath ? 3 : 1
  }
  return sum
}
