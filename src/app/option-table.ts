import type { TSchema } from 'typebox'
import { expected, type SchemaView } from '../config/wording.ts'

/** One option of a page: nested ones under their dotted name. */
export interface OptionRow {
  readonly name: string
  readonly type: string
  readonly presence: string
  readonly meaning: string
}

const MOST_DEPTH = 4

/** The options of a schema as rows, nested objects flattened to dotted names. */
export function optionRows(schema: TSchema, prefix = '', depth = 0): OptionRow[] {
  const rows: OptionRow[] = []
  for (const view of objectsIn(schema as SchemaView)) {
    for (const [key, property] of Object.entries(view.properties ?? {})) {
      const name = `${prefix}${key}`
      if (rows.some(row => row.name === name)) continue
      rows.push({
        name,
        type: typeOf(property),
        presence: presence(property, view.required?.includes(key)),
        meaning: meaning(property),
      })
      if (depth < MOST_DEPTH) rows.push(...nested(property, name, depth))
    }
    for (const property of Object.values(view.patternProperties ?? {}))
      if (objectsIn(property).length > 0) rows.push(...optionRows(property as TSchema, `${prefix}NAME.`, depth + 1))
  }
  return rows
}

function nested(property: SchemaView, name: string, depth: number): OptionRow[] {
  const list = property.items
  if (list !== undefined) return objectsIn(list).length > 0 ? optionRows(list as TSchema, `${name}[].`, depth + 1) : []
  return optionRows(property as TSchema, `${name}.`, depth + 1)
}

// The object itself, or the objects among the branches of a union.
function objectsIn(view: SchemaView): SchemaView[] {
  if (view.properties !== undefined || view.patternProperties !== undefined) return [view]
  return (view.anyOf ?? view.oneOf ?? []).flatMap(objectsIn)
}

function typeOf(view: SchemaView): string {
  if (view['x-kind'] !== undefined) return view['x-kind']
  if (view['x-template'] === true) return 'text with `${…}`'
  if (view['x-template-tree'] === true) return 'anything, with `${…}`'
  if (view.type === 'array') return view.items === undefined ? 'list' : `list of ${typeOf(view.items)}`
  if (view.type === 'object') return 'mapping'
  const union = view.anyOf ?? view.oneOf
  if (union !== undefined) return [...new Set(union.map(typeOf))].join(', ')
  if ('const' in view) return `\`${String(view.const)}\``
  if (view.enum !== undefined) return view.enum.map(value => `\`${String(value)}\``).join(', ')
  return view.type === undefined ? 'anything' : expected(view).replace(/^a /, '')
}

function presence(view: SchemaView, required = false): string {
  if (required) return '**required**'
  const { default: value } = view
  return value === undefined || typeof value === 'object' ? '' : `\`${String(value)}\``
}

function meaning(view: SchemaView): string {
  const parts = [view.description ?? '']
  const { minimum, maximum } = view as { minimum?: number; maximum?: number }
  if (minimum !== undefined && maximum !== undefined) parts.push(`${spaced(minimum)} to ${spaced(maximum)}.`)
  const [example] = view.examples ?? []
  // The examples of a duration say nothing that its type does not.
  if (example !== undefined && view['x-kind'] === undefined)
    parts.push(`E.g. \`${typeof example === 'string' ? example : JSON.stringify(example)}\``)
  return parts.filter(part => part !== '').join(' ')
}

const spaced = (number: number): string => number.toLocaleString('en-US')

/** The rows as a Markdown table. */
export function optionTable(rows: readonly OptionRow[]): string {
  const cell = (text: string) => text.replaceAll('|', '\\|').replace(/\s*\n\s*/g, ' ')
  const lines = rows.map(
    ({ name, type, presence: value, meaning: text }) =>
      `| \`${name}\` | ${cell(type)} | ${cell(value)} | ${cell(text)} |`,
  )
  return ['| Option | Type | Default | Meaning |', '| --- | --- | --- | --- |', ...lines].join('\n')
}
