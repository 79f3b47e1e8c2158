import type { ErrorObject } from 'ajv'
import { nearest } from '../core/nearest.ts'
import { SECRET } from '../core/schema.ts'
import { type Issue, keys, type Path } from './problem.ts'
import { didYouMean, list } from './suggestion.ts'
import { collapseUnions } from './unions.ts'

/** The parts of JSON Schema that the words are made from. */
export interface SchemaView {
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly SchemaView[]
  readonly oneOf?: readonly SchemaView[]
  readonly properties?: Readonly<Record<string, SchemaView>>
  readonly patternProperties?: Readonly<Record<string, SchemaView>>
  readonly additionalProperties?: boolean | SchemaView
  readonly required?: readonly string[]
  readonly items?: SchemaView
  readonly description?: string
  readonly examples?: readonly unknown[]
  readonly default?: unknown
  readonly 'x-kind'?: 'duration' | 'size' | 'rate'
  readonly 'x-template'?: boolean
  readonly 'x-template-tree'?: boolean
  readonly [SECRET]?: boolean
}

const KINDS = {
  duration: { what: 'a duration such as 250ms, 10s or 5m', unit: 'ms, s, m, h or d' },
  size: { what: 'a size such as 512KiB or 1MiB', unit: 'B, KiB, MiB, GiB, KB, MB or GB' },
  rate: { what: 'a rate such as 500/s', unit: '/s, /m or /h' },
} as const

/** ajv's errors as issues in plain words, one per mistake. Paths count from the validated value. */
export function inWords(errors: readonly ErrorObject[], root: unknown): Issue[] {
  const issues: Issue[] = []
  for (const error of collapseUnions(errors)) {
    const issue = translate(error, root)
    if (issue !== undefined && !issues.some(other => same(other, issue))) issues.push(issue)
  }
  return issues
}

const same = (a: Issue, b: Issue) => a.message === b.message && a.path.join('/') === b.path.join('/')

function translate(error: ErrorObject, root: unknown): Issue | undefined {
  const path = keys(error.instancePath)
  const schema = (error.parentSchema ?? {}) as SchemaView
  const name = nameOf(path)
  const params = error.params as Record<string, unknown>
  const say = (message: string, hint?: string): Issue => ({ path, message: `${name} ${message}`, hint })
  switch (error.keyword) {
    case 'additionalProperties':
    case 'unevaluatedProperties':
      // Entries of a record have names, not options: `propertyNames` says what is wrong with them.
      if (schema.patternProperties !== undefined) return undefined
      return unknownOption(path, String(params['additionalProperty'] ?? params['unevaluatedProperty']), schema)
    case 'required':
    case 'dependentRequired':
      return missingOption(path, String(params['missingProperty']), schema, error.data)
    case 'type':
    case 'anyOf':
    case 'oneOf':
    case 'const':
    case 'enum':
    case 'not':
      return wrongValue(path, schema, error.data)
    case 'pattern':
    case 'format':
      if (error.propertyName !== undefined) return undefined
      if (schema['x-kind'] !== undefined) return wrongValue(path, schema, error.data)
      return say(`has the wrong form${shown(error.data, schema)}`, formHint(schema))
    case 'propertyNames': {
      const key = String(params['propertyName'])
      return { path: [...path, key], atKey: true, message: `"${key}" cannot be a name`, hint: NAME_HINT }
    }
    case 'minimum':
    case 'exclusiveMinimum':
      return say(`must be at least ${String(params['limit'])}${shown(error.data, schema)}`)
    case 'maximum':
    case 'exclusiveMaximum':
      return say(`must be at most ${String(params['limit'])}${shown(error.data, schema)}`)
    case 'minLength':
      return say(
        params['limit'] === 1 ? 'must not be empty' : `must have at least ${String(params['limit'])} characters`,
      )
    case 'maxLength':
      return say(`is longer than ${String(params['limit'])} characters`)
    case 'minItems':
      return say(`needs at least ${String(params['limit'])} ${params['limit'] === 1 ? 'entry' : 'entries'}`)
    case 'maxItems':
      return say(`can have at most ${String(params['limit'])} entries`)
    case 'minProperties':
      return say('must not be empty', schema.description)
    case 'maxProperties':
      return say(
        `can have only ${String(params['limit'])} ${params['limit'] === 1 ? 'key' : 'keys'}`,
        schema.description,
      )
    case 'uniqueItems':
      return say(`has the same entry twice (${Number(params['j']) + 1} and ${Number(params['i']) + 1})`)
    case 'multipleOf':
      return say(`must be a multiple of ${String(params['multipleOf'])}`)
    case 'if':
    case 'allOf':
      // Whatever failed inside has been said by itself.
      return undefined
    default:
      return say(`${error.message ?? 'is not valid'}`, root === error.data ? undefined : schema.description)
  }
}

const NAME_HINT =
  'Names have letters, digits, dashes, dots and underscores, begin with a letter or digit, and are at most 64 long.'

function unknownOption(path: Path, key: string, schema: SchemaView): Issue {
  const known = Object.keys(schema.properties ?? {})
  const place = path.length === 0 ? '' : ` in ${nameOf(path)}`
  return {
    path: [...path, key],
    atKey: true,
    message: `there is no option "${key}"${place}`,
    hint: didYouMean(key, known),
  }
}

function missingOption(path: Path, key: string, schema: SchemaView, data: unknown): Issue | undefined {
  const present = typeof data === 'object' && data !== null ? Object.keys(data) : []
  // A misspelt key is reported as unknown, with the right name; saying that the right name is missing adds nothing.
  const typo = present.some(
    other => !(other in (schema.properties ?? {})) && nearest(other, Object.keys(schema.properties ?? {})) === key,
  )
  if (typo) return undefined
  const property = schema.properties?.[key]
  const example = property?.examples?.[0] ?? (property?.['x-kind'] === undefined ? undefined : '10s')
  const hint = [
    property?.description,
    property?.const !== undefined ? `Write ${key}: ${String(property.const)}` : undefined,
    example === undefined ? undefined : `For example: ${key}: ${JSON.stringify(example)}`,
  ]
  return {
    path: [...path, key],
    message: `"${key}" is missing${path.length === 0 ? '' : ` in ${nameOf(path)}`}`,
    hint: hint.filter(part => part !== undefined).join(' ') || undefined,
    atKey: true,
  }
}

function wrongValue(path: Path, schema: SchemaView, data: unknown): Issue {
  const name = nameOf(path)
  if (data === null)
    return {
      path,
      atKey: true,
      message: `${name} is empty; it must be ${expected(schema)}`,
      hint: 'Give it a value, or check that the lines below are indented under it.',
    }
  return {
    path,
    message: `${name} must be ${expected(schema)}${shown(data, schema, ', not ')}`,
    hint: valueHint(schema, data),
  }
}

function valueHint(schema: SchemaView, data: unknown): string | undefined {
  const kind = schema['x-kind']
  if (kind !== undefined && /^[0-9.]+$/.test(String(data))) {
    const unit = kind === 'duration' ? 's' : kind === 'size' ? 'MiB' : '/s'
    return `Add the unit (${KINDS[kind].unit}), e.g. ${String(data)}${unit}.`
  }
  if (kind !== undefined) return `A number and one of ${KINDS[kind].unit}, without a space.`
  if (typeof data === 'string') {
    const known = choices(schema).map(String)
    const near = nearest(data, known)
    if (near !== undefined) return `Did you mean ${near}?`
    if (known.includes('true') && /^(yes|on)$/i.test(data)) return 'Write true.'
    if (known.includes('false') && /^(no|off)$/i.test(data)) return 'Write false.'
    if (/^-?[0-9.]+$/.test(data) && expected(schema).includes('number')) return 'Write it without quotes.'
  }
  if (typeof data === 'string' && data.includes('://') && schema.type === 'object') return 'Write { url: "…" }.'
  if (schema.type === 'array') return 'Put it into a list: begin each entry with "- ", or write [ … ].'
  if (expected(schema) === 'text' && (typeof data === 'number' || typeof data === 'boolean')) return 'Put it in quotes.'
  return schema.description
}

/** What a schema wants, as the end of "must be …". */
export function expected(schema: SchemaView): string {
  if (schema['x-kind'] !== undefined) return KINDS[schema['x-kind']].what
  if (schema['x-template'] === true) return 'text, which may hold ${…}'
  const union = schema.anyOf ?? schema.oneOf
  if (union !== undefined)
    return either([...new Set(union.flatMap(branch => (branch.anyOf ?? branch.oneOf ?? [branch]).map(expected)))])
  if ('const' in schema) return String(schema.const)
  if (schema.enum !== undefined) return either(schema.enum.map(String))
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? [])
  if (types[0] === 'object' && schema.required?.length) return `a mapping with ${list(schema.required)}`
  return either(types.map(type => TYPES[type] ?? type)) || 'something else'
}

function either(parts: readonly string[]): string {
  return parts.length < 2 ? (parts[0] ?? '') : `${parts.slice(0, -1).join(', ')} or ${parts.at(-1)}`
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping',
  array: 'a list',
  null: 'empty',
}

function choices(schema: SchemaView): unknown[] {
  if ('const' in schema) return [schema.const]
  if (schema.enum !== undefined) return [...schema.enum]
  if (schema.type === 'boolean') return [true, false]
  return (schema.anyOf ?? schema.oneOf ?? []).flatMap(choices)
}

// The value as it stands in the file, unless it is secret, long or not a single value.
function shown(data: unknown, schema: SchemaView, before = ', not '): string {
  if (schema[SECRET] === true) return ''
  if (Array.isArray(data)) return `${before}a list`
  if (typeof data === 'object' && data !== null) return `${before}a mapping`
  if (typeof data === 'string') return data.length > 60 ? '' : `${before}"${data}"`
  return data === undefined ? '' : `${before}${String(data)}`
}

function formHint(schema: SchemaView): string | undefined {
  const example = schema.examples?.[0]
  const parts = [schema.description, example === undefined ? undefined : `For example: ${JSON.stringify(example)}`]
  return parts.filter(part => part !== undefined).join(' ') || undefined
}

/** The last name of a path with what follows it: `keys[0]`. */
export function nameOf(path: Path): string {
  const start = path.findLastIndex(key => typeof key === 'string')
  if (start < 0) return path.length === 0 ? 'the file' : `entry ${Number(path.at(-1)) + 1}`
  return path.slice(start).reduce<string>((text, key) => (typeof key === 'number' ? `${text}[${key}]` : text + key), '')
}
