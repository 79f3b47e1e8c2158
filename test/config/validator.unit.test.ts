import { Type } from 'typebox'
import { describe, expect, test } from 'vitest'
import { Validator } from '../../src/config/validator.ts'
import { SECRET, Template } from '../../src/core/schema.ts'

const problems = (validator: Validator, schema: object, value: unknown) =>
  validator.issues(schema, value, [], 'message').issues.map(({ path, message }) => `${path.join('.')}: ${message}`)

describe('a schema', () => {
  test('is compiled once, however many validators use it', () => {
    let read = 0
    const schema = Object.defineProperty({ type: 'object' }, 'required', {
      enumerable: true,
      get: () => {
        read++
        return ['name']
      },
    })
    expect(problems(new Validator(), schema, { name: 1 })).toEqual([])
    const once = read
    expect(once).toBeGreaterThan(0)
    expect(problems(new Validator(), schema, { name: 2 })).toEqual([])
    expect(read).toBe(once)
    expect(problems(new Validator(), schema, {})).toEqual(['name: "name" is missing'])
  })

  test('may come anew with another of the same $id', () => {
    const [old, changed] = [
      Type.String({ $id: 'https://example.org/mine' }),
      Type.Number({ $id: 'https://example.org/mine' }),
    ]
    expect(problems(new Validator(), old, 'x')).toEqual([])
    expect(new Validator().broken(changed)).toBeUndefined()
    expect(problems(new Validator(), changed, 'x')).toHaveLength(1)
    expect(problems(new Validator(), old, 'x')).toEqual([])
  })

  test('that cannot be used is said to be broken every time', () => {
    const schema = { type: 'objekt' }
    for (const _ of [1, 2]) expect(new Validator().broken(schema)).toMatch(/objekt|type/)
  })

  test('tells each validation its own secrets and expressions, also within a reference', () => {
    const schema = { properties: { password: { [SECRET]: true }, text: Template(), inner: { $ref: '#' } } }
    const seen = (value: object) => new Validator().issues(schema, value, [], 'message')
    expect(seen({ password: 'one', inner: { password: 'two', text: '${id}' } })).toEqual({
      issues: [],
      secrets: ['one', 'two'],
    })
    expect(seen({ inner: { text: '${body.}' } })).toMatchObject({ issues: [{ path: ['inner', 'text'] }], secrets: [] })
    expect(seen({ text: 'a' })).toEqual({ issues: [], secrets: [] })
  })
})
