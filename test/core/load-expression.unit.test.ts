import { describe, expect, it } from 'vitest'
import { evaluateLoadTemplate, loadTemplateProblem } from '../../src/core/load-expression.ts'

const SECRET = 'p@ss/word'
const SOURCES = {
  env: { PASSWORD: SECRET, PORT: '5672', EMPTY: '', GONE: undefined },
  readFile(path: string): string {
    if (path === '/run/secrets/x') return `${SECRET}\n`
    throw Object.assign(new Error(`${SECRET} leaks`), { code: 'ENOENT' })
  },
}
const load = (text: string) => evaluateLoadTemplate(text, SOURCES)

describe('a text of connections', () => {
  it.each<[string, unknown]>([
    ['amqp://localhost', 'amqp://localhost'],
    ['amqp://u:${env.PASSWORD}@h', `amqp://u:${SECRET}@h`],
    ['amqp://u:${urlEncode(env.PASSWORD)}@h', 'amqp://u:p%40ss%2Fword@h'],
    ['${int(env.PORT)}', 5672],
    ['${env.PORT}', '5672'],
    ['x${env.EMPTY}', 'x'],
    ["${file('/run/secrets/x')}", SECRET],
    ['${env.?NOPE.orValue("guest")}', 'guest'],
    ['${has(env.GONE) ? "there" : "gone"}', 'gone'],
  ])('%s', (text, value) => {
    expect(load(text)).toEqual({ value })
  })

  it.each([
    ['${env.NOPE}', 6, 'the environment variable NOPE is not set'],
    ['a ${env["NO-PE"]}', 4, 'the environment variable NO-PE is not set'],
    ['${env.GONE}', 6, 'the environment variable GONE is not set'],
    ["ab ${file('/nope')}", 5, 'the file /nope cannot be read (ENOENT)'],
    ['${body.x}', 2, 'there is no variable "body"'],
    ['a${env.?NOPE}', 3, 'null cannot be part of a text'],
    ['${', 0, 'the ${ has no closing }'],
  ])('%s is wrong at %d', (text, offset, words) => {
    expect(load(text)).toMatchObject({ problem: { offset, message: words } })
  })

  it.each(['${int(env.PASSWORD)}', '${bool(env.PASSWORD)}', '${json(env.PASSWORD)}', '${timestamp(env.PASSWORD)}'])(
    '%s fails without showing the value',
    text => {
      const result = load(text)
      expect(result).toHaveProperty('problem')
      expect(JSON.stringify(result)).not.toContain(SECRET)
    },
  )
})

describe('checking without evaluating', () => {
  it('needs no variables or files to be there', () => {
    expect(loadTemplateProblem("${env.NOPE} ${file('/nope')}")).toBeUndefined()
    expect(loadTemplateProblem('x ${environment.X}')).toMatchObject({ offset: 4 })
  })
})
