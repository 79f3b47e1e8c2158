import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { validate } from '../../src/transforms/validate.ts'
import { message, thrown } from '../core/sample.ts'
import { CONTEXT, make } from './transform.ts'

let folder: string
const write = (name: string, schema: unknown): void =>
  writeFileSync(join(folder, name), typeof schema === 'string' ? schema : JSON.stringify(schema))
const check = (name: string): string | undefined => validate.check?.(name, { ...CONTEXT, baseDir: folder })[0]?.message
const verdict = (name: string, body: unknown): string => {
  const one = message({ body })
  const transform = make(validate, name, folder)
  try {
    return transform(one) === one ? 'fits' : 'changed'
  } catch (error) {
    const { code, message: words } = error as { code: string; message: string }
    return code === 'VALIDATION_FAILED' ? words : `${code} ${words}`
  }
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-validate-'))
  write('order.json', {
    type: 'object',
    required: ['id', 'total'],
    properties: {
      id: { type: 'string' },
      total: { type: 'number', minimum: 0 },
      day: { type: 'string', format: 'date' },
      currency: { enum: ['EUR', 'USD'] },
      kind: { const: 'order' },
      items: { type: 'array', items: { $ref: 'item.json' } },
    },
    additionalProperties: false,
    'x-owner': 'shop',
  })
  write('item.json', { $ref: '#/$defs/item', $defs: { item: { properties: { qty: { $ref: 'shared/number.json' } } } } })
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('validate', () => {
  beforeAll(async () => {
    const { mkdirSync } = await import('node:fs')
    mkdirSync(join(folder, 'shared'))
    write('shared/number.json', { type: 'integer', minimum: 1 })
  })

  it('lets a body through that fits, and a tombstone', () => {
    expect(verdict('order.json', { id: 'o', total: 1, day: '2026-01-31', items: [{ qty: 2 }] })).toBe('fits')
    const tombstone = message({ bytes: null })
    expect(make(validate, 'order.json', folder)(tombstone)).toBe(tombstone)
  })

  it('lists every violation with its path, and no value of the body', () => {
    const secret = 'secret-4111'
    const words = verdict('order.json', {
      total: -1,
      day: secret,
      currency: secret,
      kind: secret,
      items: [{ qty: 1 }, { qty: 0 }],
      colour: secret,
    })
    expect(words).toBe(
      "the body does not match order.json: body must have required property 'id'; " +
        'body must NOT have additional properties: "colour"; /total must be >= 0; /day must match format "date"; ' +
        '/currency must be equal to one of the allowed values: ["EUR","USD"]; /kind must be equal to constant: "order"; ' +
        '/items/1/qty must be >= 1',
    )
  })

  it('bounds the list, and counts what it leaves out', () => {
    const words = verdict('order.json', { id: 'o', total: 1, items: Array(1_000).fill({ qty: 'x' }) })
    expect(words.length).toBeLessThan(2_200)
    expect(words).toMatch(/; … and \d{3} more$/)
    const shown = words.split('; ').length - 1
    expect(shown + Number(/(\d+) more$/.exec(words)?.[1])).toBe(1_000)
  })

  it('of a very large body tells the first violation only', () => {
    const words = verdict('order.json', { id: 'o'.repeat(300_000), total: -1, items: [{ qty: 0 }] })
    expect(words).toMatch(/must be >= \d$/)
    expect(words).not.toContain(';')
  })

  it('of a body that is no JSON is BODY_INVALID', () => {
    const error = thrown(() => make(validate, 'order.json', folder)(message({ bytes: Buffer.from('{') })))
    expect(error.code).toBe('BODY_INVALID')
  })

  it('speaks draft-07 where the schema says so', () => {
    write('seven.json', {
      $schema: 'http://json-schema.org/draft-07/schema#',
      type: 'array',
      items: [{ type: 'string' }, { type: 'number' }],
      additionalItems: false,
    })
    expect(verdict('seven.json', ['a', 1])).toBe('fits')
    expect(verdict('seven.json', ['a', 1, 2])).toMatch(/must NOT have more than 2 items/)
    expect(verdict('seven.json', [1])).toMatch(/\/0 must be string/)
  })

  it('speaks draft 2020-12 otherwise', () => {
    write('tuple.json', { prefixItems: [{ type: 'string' }], items: false })
    expect(verdict('tuple.json', ['a'])).toBe('fits')
    expect(verdict('tuple.json', ['a', 1])).toMatch(/must NOT have more than 1 item/)
  })
})

describe('a schema of several files', () => {
  it('resolves references by their $id, from the file beside it', () => {
    write('main.json', { $id: 'https://example.com/schemas/main.json', $ref: 'part.json#/$defs/n' })
    write('part.json', {
      $id: 'https://example.com/schemas/part.json',
      $defs: { n: { type: 'number' }, back: { $ref: 'main.json' } },
    })
    expect(verdict('main.json', 5)).toBe('fits')
    expect(verdict('main.json', 'x')).toMatch(/must be number/)
  })

  it('may go round in a circle', () => {
    write('tree.json', { type: 'object', properties: { left: { $ref: 'leaf.json' } }, additionalProperties: false })
    write('leaf.json', { anyOf: [{ $ref: 'tree.json' }, { type: 'null' }] })
    expect(verdict('tree.json', { left: { left: null } })).toBe('fits')
    expect(verdict('tree.json', { left: { right: 1 } })).toMatch(/the body does not match/)
  })
})

describe('check tells before any message', () => {
  it.each<[string, unknown, RegExp]>([
    ['absent.json', undefined, /absent\.json cannot be read: there is no such file/],
    ['text.json', 'not json', /cannot be read: Unexpected token/],
    ['list.json', [], /is not a JSON object/],
    ['keyword.json', { type: 'strang' }, /the schema cannot be used: .*type/],
    ['inside.json', { $ref: '#/$defs/nope' }, /cannot be used: .*#\/\$defs\/nope/],
    ['beside.json', { $ref: 'nope.json' }, /"\$ref": "nope\.json" is no file/],
    ['web.json', { $ref: 'https://example.com/x/other.json' }, /"\$ref": "https:.*" is no file/],
    ['async.json', { $async: true, type: 'object' }, /\$async/],
  ])('%s', (name, schema, words) => {
    if (schema !== undefined) write(name, schema)
    expect(check(name)).toMatch(words)
    expect(thrown(() => make(validate, name, folder)).code).toBe('OPTIONS_INVALID')
  })

  it('and says nothing about a good one', () => {
    expect(check('order.json')).toBeUndefined()
  })
})
