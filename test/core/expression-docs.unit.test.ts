import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { FUNCTIONS } from '../../src/core/cel-functions.ts'
import { compileTemplate } from '../../src/core/expression.ts'
import { MESSAGE_VARIABLES } from '../../src/core/message-scope.ts'
import { message } from './sample.ts'

const text = readFileSync(join(import.meta.dirname, '../../docs/expressions.md'), 'utf8')
const section = (title: string): string => text.split(`\n## ${title}\n`)[1]!.split('\n## ')[0]!
const rows = (part: string): string[][] =>
  [...part.matchAll(/^\| `(.*)` \| (.*) \|$/gm)].map(([, left, right]) => [left!, right!])

const SAMPLE = message({
  headers: [
    ['region', 'eu'],
    ['user-id', 'u-7'],
  ],
  body: JSON.parse(/`(\{ "n": 3[^`]*)`/.exec(text)![1]!),
})

describe('docs/expressions.md', () => {
  it.each(rows(section('By example')))('%s is %s', (expression, result) => {
    const value = compileTemplate(`\${${expression}}`).evaluate(SAMPLE)
    expect(value).toEqual(JSON.parse(result!.replaceAll('`', '')))
  })

  it('lists every function that Sluice adds, in its words', () => {
    const listed = rows(section('Functions')).map(([signature, description]) => ({ signature, description }))
    expect(listed).toEqual(FUNCTIONS.map(({ signature, description }) => ({ signature, description })))
  })

  it('names every variable and field', () => {
    const part = section('What can be read')
    for (const [name, spec] of Object.entries(MESSAGE_VARIABLES)) {
      expect(part).toContain(`\`${name}`)
      for (const field of 'fields' in spec ? spec.fields : []) expect(part).toContain(field)
    }
  })
})
