import type { TSchema } from 'typebox'
import type { SchemaView } from './wording.ts'

/** Whether a value is valid against a schema; decides which branch of a union its defaults come from. */
export type Fits = (schema: TSchema, value: unknown) => boolean

/** A copy of a valid value with the schema's defaults where something is left out, down to every depth. */
export function withDefaults(schema: TSchema, value: unknown, fits: Fits): unknown {
  const view = schema as SchemaView
  if (value === undefined) {
    if (view.default === undefined) return undefined
    value = structuredClone(view.default)
  }
  const branches = (view.anyOf ?? view.oneOf) as readonly TSchema[] | undefined
  if (branches !== undefined) {
    const branch = branches.find(candidate => fits(candidate, value))
    return branch === undefined ? value : withDefaults(branch, value, fits)
  }
  if (Array.isArray(value)) {
    const items = view.items as TSchema | undefined
    return items === undefined ? value : value.map(item => withDefaults(items, item, fits))
  }
  if (typeof value !== 'object' || value === null) return value
  const filled: Record<string, unknown> = { ...value }
  for (const [name, property] of Object.entries(view.properties ?? {})) {
    const inner = withDefaults(property as TSchema, Object.hasOwn(filled, name) ? filled[name] : undefined, fits)
    if (inner !== undefined) filled[name] = inner
  }
  for (const name of Object.keys(filled)) {
    const further = furtherSchema(view, name)
    if (further !== undefined) filled[name] = withDefaults(further, filled[name], fits)
  }
  return filled
}

// The schema of a key that is not a property by name: an entry of a record.
function furtherSchema(view: SchemaView, name: string): TSchema | undefined {
  if (Object.hasOwn(view.properties ?? {}, name)) return undefined
  for (const [pattern, schema] of Object.entries(view.patternProperties ?? {}))
    if (new RegExp(pattern, 'u').test(name)) return schema as TSchema
  return typeof view.additionalProperties === 'object' ? (view.additionalProperties as TSchema) : undefined
}
