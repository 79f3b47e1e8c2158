import assert from 'node:assert/strict'
import type { TSchema } from 'typebox'
import type { Case } from '../case.ts'
import { problems } from '../validation.ts'

export const schema: Case = {
  number: 2,
  title: 'schema refuses unknown and missing options; examples in the schema are valid',
  async run(lab) {
    const address = await lab.address()
    const { connection, source, sink } = lab.driver.schema
    inspect('connection', connection, lab.testbed.connection())
    inspect('source', source, address.source('one'))
    inspect('sink', sink, address.sink)
  },
}

function inspect(part: string, schema: TSchema, options: unknown): void {
  const valid = options as Record<string, unknown>
  assert.deepEqual(problems(schema, valid), [], `${part}: the testbed's options are valid`)
  assert.notDeepEqual(problems(schema, { ...valid, 'no-such-option': 1 }), [], `${part}: an unknown option is refused`)
  const { required = [] } = schema as { required?: readonly string[] }
  for (const name of required) {
    const { [name]: _, ...rest } = valid
    assert.notDeepEqual(problems(schema, rest), [], `${part}: missing "${name}" is refused`)
  }
  walk(part, schema)
}

function walk(path: string, schema: TSchema): void {
  const { properties = {}, items, anyOf = [], examples = [], default: preset } = schema as Loose
  for (const example of examples) assert.deepEqual(problems(schema, example), [], `${path}: an example is valid`)
  if (preset !== undefined) assert.deepEqual(problems(schema, preset), [], `${path}: the default is valid`)
  for (const [name, inner] of Object.entries(properties)) walk(`${path}.${name}`, inner)
  if (items !== undefined) walk(`${path}[]`, items)
  anyOf.forEach((inner, i) => {
    walk(`${path}|${i}`, inner)
  })
}

interface Loose {
  readonly properties?: Readonly<Record<string, TSchema>>
  readonly items?: TSchema
  readonly anyOf?: readonly TSchema[]
  readonly examples?: readonly unknown[]
  readonly default?: unknown
}
