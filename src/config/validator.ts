import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import formats from 'ajv-formats'
import type { TSchema } from 'typebox'
import { templateProblem } from '../core/expression.ts'
import { SECRET, TEMPLATE, TEMPLATE_TREE } from '../core/schema.ts'
import { escapeKey, type Issue, keys, type Path, pointer, wordWidth } from './problem.ts'
import { inWords, nameOf } from './wording.ts'

/** What the keywords of one validation have come across; they get it as `this`. */
interface Seen {
  /** JSON pointers of values in which `${…}` may stand, whole trees with a `/` at the end. */
  readonly templates: Map<string, readonly Issue[]>
  readonly secrets: unknown[]
}

interface Place {
  readonly instancePath: string
}

// To compile a schema takes far longer than to use it, and a schema object never changes: what has been compiled serves every
// later check of this process, until the schema itself is gone.
const COMPILED = new WeakMap<object, ValidateFunction>()

/** Validates parts of a configuration against their schemas and says what is wrong in plain words. */
export class Validator {
  #ajv: Ajv | undefined

  /** Why the schema itself cannot be used, or undefined. */
  broken(schema: TSchema): string | undefined {
    try {
      this.#compile(schema)
      return undefined
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  /**
   * What is wrong with the value, paths counted from `path`. `expressions: 'message'` compiles templates where the schema
   * allows them and reports every other `${`; `'none'` takes strings as they are.
   */
  issues(
    schema: TSchema,
    value: unknown,
    path: Path,
    expressions: 'message' | 'none',
  ): { issues: Issue[]; secrets: unknown[] } {
    const seen: Seen = { templates: new Map(), secrets: [] }
    const validate = this.#compile(schema)
    validate.call(seen, value)
    let issues = inWords((validate.errors ?? []) as ErrorObject[], value)
    if (expressions === 'message') {
      const wrong = new Set(issues.map(issue => pointer(issue.path)))
      const unknown = new Set(issues.filter(issue => issue.atKey === true).map(issue => pointer(issue.path)))
      const stray = misplaced(value, '', seen.templates).filter(
        ({ path: at }) => !unknown.has(pointer(at)) && !at.some((_, end) => wrong.has(pointer(at.slice(0, end)))),
      )
      const strayAt = new Set(stray.map(issue => pointer(issue.path)))
      // `rate: ${…}` is not so much no rate as an expression where none can be.
      issues = issues.filter(issue => issue.atKey === true || !strayAt.has(pointer(issue.path)))
      for (const found of seen.templates.values()) issues.push(...found)
      issues.push(...stray)
    }
    return { issues: issues.map(issue => ({ ...issue, path: [...path, ...issue.path] })), secrets: seen.secrets }
  }

  #compile(schema: TSchema): ValidateFunction {
    let validate = COMPILED.get(schema)
    if (validate === undefined) {
      // One of its own for each validator: plug-ins that are loaded anew may bring other schemas of the same `$id`.
      this.#ajv ??= compiler()
      validate = this.#ajv.compile(schema)
      COMPILED.set(schema, validate)
    }
    return validate
  }
}

function compiler(): Ajv {
  const ajv = new Ajv({ allErrors: true, verbose: true, strict: false, passContext: true })
  formats.default(ajv)
  const keyword = (name: string, visit: (seen: Seen, value: unknown, at: string) => void) =>
    ajv.addKeyword({
      keyword: name,
      validate(this: Seen, _schema: unknown, value: unknown, _parent?: unknown, place?: Place) {
        visit(this, value, place?.instancePath ?? '')
        return true
      },
    })
  keyword(TEMPLATE, ({ templates }, value, at) => templates.set(at, templateIssues(value, at)))
  keyword(TEMPLATE_TREE, ({ templates }, value, at) => templates.set(`${at}/`, treeIssues(value, at)))
  keyword(SECRET, ({ secrets }, value) => secrets.push(value))
  return ajv
}

function templateIssues(value: unknown, at: string): Issue[] {
  if (typeof value !== 'string') return []
  const problem = templateProblem(value)
  if (problem === undefined) return []
  const { offset, message } = problem
  // YAML took a ` #` for the beginning of a comment, and the rest of the expression with it.
  const hint = /no closing|does not end|has no }/.test(message)
    ? 'Close it. Where the value holds " #" or ": ", put it in double quotes. Write $${ where ${ itself is meant.'
    : problem.hint
  const environment = /^there is no variable "env"/.test(message)
  return [
    {
      path: keys(at),
      message: environment ? 'env.NAME can only be used in connections, not per message' : message,
      hint: environment ? 'Use headers, body, key, … here, or write the value itself.' : hint,
      within: { text: value.trim(), offset, width: wordWidth(value, offset) },
    },
  ]
}

function treeIssues(value: unknown, at: string): Issue[] {
  if (typeof value === 'string') return templateIssues(value, at)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => {
    const path = `${at}/${escapeKey(key)}`
    if (Array.isArray(value) || !key.includes('${')) return treeIssues(inner, path)
    const hint = 'Keys are taken as they are; put the expression into the value.'
    return [
      { path: keys(path), atKey: true, message: 'an expression cannot be a key', hint },
      ...treeIssues(inner, path),
    ]
  })
}

// Strings with `${` where no schema allows an expression: they would be taken literally, which nobody means.
function misplaced(value: unknown, at: string, templates: ReadonlyMap<string, unknown>): Issue[] {
  if (templates.has(at) || templates.has(`${at}/`)) return []
  if (typeof value === 'string') {
    const offset = value.indexOf('${')
    if (offset < 0 || value[offset - 1] === '$') return []
    const path = keys(at)
    const hint = value.includes('env.')
      ? 'Expressions with env work in connections only; write the value itself.'
      : 'The value is fixed when the route starts; write it out.'
    return [
      {
        path,
        message: `no expression can stand in ${nameOf(path)}`,
        hint,
        within: { text: value.trim(), offset, width: 2 },
      },
    ]
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => misplaced(inner, `${at}/${escapeKey(key)}`, templates))
}
