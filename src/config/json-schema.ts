import { type TSchema, Type } from 'typebox'
import type { Registry } from '../core/registry.ts'
import { Closed } from '../core/schema.ts'
import { DEAD_LETTER, DISCARD, ENDPOINT, fileSchema, USE } from './file-schema.ts'
import type { SchemaView } from './wording.ts'

/**
 * The JSON Schema of routes.yaml for editors, with everything in the registry. What depends on another place of the file
 * (which driver a route's connection has) is a choice here; `sluice check` knows better.
 */
export function buildSchema(registry: Registry): TSchema {
  const drivers = [...registry.drivers.values()]
  const ends = (part: 'source' | 'sink', keys: Readonly<Record<string, TSchema>>, description: string) =>
    Type.Union(
      drivers.map(driver => withKeys(driver.schema[part], keys, `${driver.name}: ${describeEnd(driver.schema[part])}`)),
      { description },
    )
  const sinks = (keys: Readonly<Record<string, TSchema>>, description: string) => ends('sink', keys, description)
  const schema = fileSchema({
    connection: connectionSchema(registry),
    source: ends('source', ENDPOINT, 'Where messages come from.'),
    sink: sinks(ENDPOINT, 'Where messages go.'),
    deadLetter: Type.Union([DISCARD, sinks(DEAD_LETTER, 'A target for dead letters.')], {
      description: 'Where a message goes that cannot go on. Without it, such a message blocks its lane.',
    }),
    step: Type.Union([
      ...[...registry.steps.values()].map(({ name, schema }) => Closed({ [name]: schema }, describedBy(schema))),
      Closed(USE, { description: 'A transform by name, of a plug-in as a rule.' }),
    ]),
    store: Type.Union(
      [...registry.stores.values()].flatMap(({ name, schema }) => [
        Type.Literal(name, describedBy(schema)),
        Closed({ [name]: schema }, describedBy(schema)),
      ]),
      { default: 'file', description: 'Where the keys are remembered.' },
    ),
  })
  return { $schema: 'http://json-schema.org/draft-07/schema#', ...schema }
}

// By the scheme of its url, or by `driver`: editors offer the options of that driver alone.
function connectionSchema(registry: Registry): TSchema {
  const drivers = [...registry.drivers.values()]
  const name = Type.Optional(
    Type.Union(
      drivers.map(driver => Type.Literal(driver.name)),
      { description: 'Name of the driver, where the scheme of the url does not say it.' },
    ),
  )
  return Type.Unsafe({
    type: 'object',
    description: 'A broker and how to reach it.',
    properties: {
      url: {
        type: 'string',
        description: `Where the broker is. Schemes: ${drivers.flatMap(driver => driver.schemes).join(', ')}.`,
        examples: drivers.flatMap(driver =>
          ((driver.schema.connection as SchemaView).properties?.['url']?.examples ?? []).slice(0, 1),
        ),
      },
    },
    allOf: drivers.map(driver => ({
      if: {
        anyOf: [
          { required: ['driver'], properties: { driver: { const: driver.name } } },
          { required: ['url'], properties: { url: { pattern: `^(${driver.schemes.join('|')})://` } } },
        ],
      },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: orExpression(withKeys(driver.schema.connection, { driver: name }, driver.name)),
    })),
  })
}

function withKeys(schema: TSchema, keys: Readonly<Record<string, TSchema>>, description: string): TSchema {
  const { type, properties, ...rest } = schema as SchemaView
  if (type !== 'object') return Type.Intersect([Type.Object(keys), schema], { description })
  const own = Closed({ ...keys, ...(properties as Record<string, TSchema>) }) as SchemaView
  const required = [...new Set([...(own.required ?? []).filter(key => key in keys), ...(rest.required ?? [])])]
  return Type.Unsafe({ ...rest, ...own, required, description })
}

// Every value of a connection may be `${…}` instead, also where a number or a duration is asked for.
function orExpression(schema: TSchema): TSchema {
  const view = schema as SchemaView & { pattern?: string }
  if (view.properties !== undefined) {
    const properties = Object.entries(view.properties).map(([key, inner]) => [key, orExpression(inner as TSchema)])
    return { ...schema, properties: Object.fromEntries(properties) }
  }
  if (view.items !== undefined) return { ...schema, items: orExpression(view.items as TSchema) }
  if (view.type === 'string' && view.pattern === undefined) return schema
  const { description, default: value, examples, ...inner } = view
  return Type.Unsafe({
    anyOf: [inner, { type: 'string', pattern: '\\$\\{' }],
    ...Object.fromEntries(
      Object.entries({ description, default: value, examples }).filter(([, one]) => one !== undefined),
    ),
  })
}

const describeEnd = (schema: TSchema): string => (schema as SchemaView).description ?? 'options'

function describedBy(schema: TSchema): { description?: string } {
  const { description } = schema as SchemaView
  return description === undefined ? {} : { description }
}
