import { describe, expect, it } from 'vitest'
import { compileTemplate, templateProblem } from '../../src/core/expression.ts'
import { message, thrown } from './sample.ts'

describe('a wrong expression is told at compile time, with its place', () => {
  it.each<[string, number, RegExp, RegExp?]>([
    ['${bodi.x}', 2, /no variable "bodi"/, /Did you mean body\?.*There are: id key subject/],
    ['a ${ id } ${headers.x == foo}', 25, /no variable "foo"/, /There are/],
    ['${env.X}', 2, /no variable "env"/],
    ['${source.adress}', 9, /no field "adress"/, /Did you mean address\?/],
    ['${properties.contentTyp}', 13, /no field "contentTyp"/, /contentType/],
    ['${headers.user-id}', 2, /./, /headers\["user-id"\]/],
    ['x ${headers.user-id == "a" && body.n > 1}', 4, /./, /headers\["user-id"\]/],
    ['${body.n = 1}', 9, /unexpected character/, /==/],
    ['${body.n >}', 10, /the end/],
    ['${(body.n}', 9, /expected \)/],
    ['${id > 5}', 2, /string > int/],
    ['${foo(1)}', 2, /foo/],
    ['${true ? 1 : null}', 2, /ternary/, /dyn/],
    ['${"a".matches("(")}', 14, /regular expression/],
    ['${"a".matches(body.pattern)}', 14, /string literal/],
    ['${{"__proto__": 1}}', 3, /__proto__/],
    ['${{"constructor": body.n}}', 3, /constructor/],
    ['${1 / 0}', 2, /division by zero/],
    ['${"a" + null}', 2, /string \+ null/],
    ['${-"a"}', 2, /overload/],
    ['${import}', 2, /import/],
  ])('%s', (text, offset, words, hint) => {
    const problem = templateProblem(text)
    expect(problem?.message).toMatch(words)
    expect(problem?.offset).toBe(offset)
    if (hint !== undefined) expect(problem?.hint).toMatch(hint)
  })

  it('and thrown as OPTIONS_INVALID by those who compile', () => {
    const error = thrown(() => compileTemplate('a ${bodi}'))
    expect(error).toMatchObject({
      code: 'OPTIONS_INVALID',
      message: '"a ${bodi}": there is no variable "bodi" (at character 5)',
    })
  })

  it('while a good one has none', () => {
    for (const text of ['', 'x', '${id}', '$${x', '${has(body.a) ? body.a : dyn(null)}'])
      expect(templateProblem(text)).toBeUndefined()
  })
})

describe('an expression cannot be made to take for ever', () => {
  it.each([
    ['deep parentheses', `\${${'('.repeat(5_000)}1${')'.repeat(5_000)}}`],
    ['a very long sum', `\${${Array(5_000).fill('id').join('+')}}`],
    ['a long chain of fields', `\${body${'.a'.repeat(5_000)}}`],
    ['many list elements', `\${[${Array(5_000).fill('1').join(',')}]}`],
    ['deep negation', `\${${'!'.repeat(5_000)}true}`],
  ])('%s', (_, text) => {
    expect(templateProblem(text)).toBeDefined()
  })
})

describe('what a message holds cannot break out', () => {
  const hostile = message({
    bytes: Buffer.from(
      '{"constructor": "x", "a": {"constructor": {"prototype": 1}, "n": 2}, "__proto__": {"polluted": 1}, "toString": 3, "list": [{"constructor": 1, "k": 5}]}',
    ),
    headers: [
      ['constructor', 'c'],
      ['__proto__', 'p'],
      ['hasOwnProperty', 'h'],
    ],
  })
  const value = (text: string): unknown => compileTemplate(text).evaluate(hostile)

  it.each<[string, unknown]>([
    ['${body.constructor}', 'x'],
    ['${body.constructor + "y"}', 'xy'],
    ['${body.a.n + 1}', 3],
    ['${body.a.constructor.prototype}', 1],
    ['${has(body.a.n)}', true],
    ['${body.list.map(i, i.k + 1)}', [6]],
    ['${headers.constructor + headers.hasOwnProperty}', 'ch'],
    ['${body["__proto__"].polluted}', 1],
    ['${headers["__proto__"]}', 'p'],
    ['${body.toString}', 3],
    ['${size(body.a) + size(headers)}', 5],
  ])('%s', (text, expected) => {
    expect(value(text)).toEqual(expected)
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  it.each(['${body.valueOf}', '${headers.toString}', '${body.a.hasOwnProperty}', '${body.list.length}'])(
    'nothing is inherited: %s',
    text => {
      expect(thrown(() => value(text)).code).toBe('EXPRESSION_FAILED')
    },
  )

  it('a value nested too deep is a failure of that message, not of the process', () => {
    const deep = message({ bytes: Buffer.from(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`) })
    const read = (text: string) => thrown(() => compileTemplate(text).evaluate(deep)).code
    expect(read('${[body.a]}')).toBe('EXPRESSION_FAILED')
  })
})
