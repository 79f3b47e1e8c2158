import { type TSchema, Type } from 'typebox'
import { Closed, Duration } from '../core/schema.ts'
import { DEDUP, DeadLetterWindow, NAME, ROUTE_OPTIONS } from './route-schema.ts'
import { TOP_OPTIONS } from './schema.ts'

/** The schemas that drivers, transforms and stores fill in; loose ones make the frame that is checked first. */
export interface Parts {
  readonly connection: TSchema
  readonly source: TSchema
  readonly sink: TSchema
  readonly deadLetter: TSchema
  readonly step: TSchema
  readonly store: TSchema
}

const named = (value: TSchema, description: string) =>
  Type.Record(Type.String({ pattern: NAME }), value, {
    description,
    additionalProperties: false,
    propertyNames: { pattern: NAME },
  })

/** The schema of a whole routes.yaml out of the schemas of its parts. */
export function fileSchema(parts: Parts): TSchema {
  const route = Closed({
    from: parts.source,
    transform: Type.Optional(
      Type.Array(parts.step, { maxItems: 100, description: 'Steps that each message goes through, in this order.' }),
    ),
    to: parts.sink,
    dedup: Type.Optional(
      Closed(
        { ...DEDUP, store: Type.Optional(parts.store) },
        { description: 'Delivers a message that comes twice only once.' },
      ),
    ),
    deadLetter: Type.Optional(parts.deadLetter),
    ...ROUTE_OPTIONS,
  })
  return Closed(
    {
      version: Type.Literal(1, { description: 'Version of this format.' }),
      connections: named(parts.connection, 'The brokers, by name.'),
      routes: named(route, 'The routes, by name.'),
      ...TOP_OPTIONS,
    },
    { title: 'routes.yaml of Sluice' },
  )
}

export const ENDPOINT = {
  connection: Type.String({ description: 'Name of one of the `connections`.', examples: ['shop'] }),
}
const loose = (description: string) => Type.Object(ENDPOINT, { description })

export const DEAD_LETTER = {
  ...ENDPOINT,
  window: Type.Optional(DeadLetterWindow),
}

export const DISCARD = Type.Literal('discard', { description: 'Poison is dropped and counted. Nothing else keeps it.' })

/** Options of a step that names its transform with `use`. */
export const USE = {
  use: Type.String({
    minLength: 1,
    description: 'Name of a transform, of a plug-in as a rule.',
    examples: ['mask-card'],
  }),
  with: Type.Optional(Type.Unknown({ description: 'Its options.' })),
  timeout: Type.Optional(
    Duration({ default: '30s', description: 'A message that takes longer is poison; `0` = no limit.' }),
  ),
}

/** The frame: everything but what drivers, transforms and stores define. */
export const FRAME: TSchema = fileSchema({
  connection: Type.Object({}, { description: 'A broker and how to reach it.' }),
  source: loose('Where messages come from.'),
  sink: loose('Where messages go.'),
  deadLetter: Type.Union([DISCARD, Type.Object(DEAD_LETTER)], {
    description: 'Where a message goes that cannot go on. Without it, such a message blocks its lane.',
  }),
  step: Type.Object({}, { description: 'One step, e.g. `filter: ${body.total > 0}`.' }),
  store: Type.Union([Type.String({ minLength: 1 }), Type.Object({})], {
    default: 'file',
    description: 'Where the keys are remembered.',
  }),
})
