import { describe, expect, test } from 'vitest'
import { evaluateTree } from '../../src/config/environment.ts'
import { Secrets } from '../../src/config/secrets.ts'

const ENV = {
  HOST: 'rabbit',
  PORT: '5672',
  AWKWARD: 'p@ss/w#rd',
  STRICT: 'true',
  URL: 'amqp://me:secret77@rabbit/shop',
}

function evaluate(connection: object) {
  const files: Record<string, string> = { '/run/secrets/pw': 'from-a-file\n', large: 'x'.repeat(70_000) }
  const readFile = (path: string) => {
    if (path in files) return files[path]!
    throw Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), { code: 'ENOENT' })
  }
  return evaluateTree(connection, ['connections', 'shop'], { env: ENV, readFile }, new Secrets())
}

describe('a value of a connection', () => {
  test.each([
    ['amqp://${env.HOST}:${env.PORT}', 'amqp://rabbit:5672'],
    ['${env.URL}', ENV.URL],
    ['${env.?MISSING.orValue("amqp://guest:guest@localhost")}', 'amqp://guest:guest@localhost'],
    ['amqp://me:${urlEncode(env.AWKWARD)}@rabbit', 'amqp://me:p%40ss%2Fw%23rd@rabbit'],
    ['$${not an expression}', '${not an expression}'],
  ])('%s is %s', (url, value) => {
    expect(evaluate({ url })).toEqual({ value: { url: value }, issues: [] })
  })

  test('keeps its type where it is one expression, at any depth', () => {
    const { value, issues } = evaluate({
      a: [{ port: '${int(env.PORT)}', strict: '${env.STRICT == "true"}', left: 5 }],
    })
    expect(issues).toEqual([])
    expect(value).toEqual({ a: [{ port: 5672, strict: true, left: 5 }] })
  })

  test('comes from a file without the newline at its end', () => {
    expect(evaluate({ password: "${file('/run/secrets/pw')}" }).value).toEqual({ password: 'from-a-file' })
  })
})

describe('an issue', () => {
  test.each([
    ['${env.HSOT}', 2, 'the environment variable HSOT is not set'],
    ["${file('/nowhere')}", 2, 'the file /nowhere cannot be read (ENOENT)'],
    ["${file('large')}", 2, 'the value is larger than 64 KiB'],
    ['amqp://me:${env.AWKWARD}@rabbit', 12, 'the value has characters that mean something else in a url'],
    ['x ${env.PORT + 1}', 4, 'overload'],
    ['${body.user}', 2, 'there is no variable "body"'],
    ['${env.HOST', 0, 'no closing }'],
  ])('of %s is at %i', (url, offset, message) => {
    const [issue, ...others] = evaluate({ url }).issues
    expect(others).toEqual([])
    expect(issue!.message).toContain(message)
    expect(issue!.within!.offset).toBeGreaterThanOrEqual(offset)
    expect(issue!.path).toEqual(['connections', 'shop', 'url'])
  })

  test('never holds the value of a variable', () => {
    expect(
      JSON.stringify(evaluate({ url: 'amqp://me:${env.AWKWARD}@rabbit', a: '${env.AWKWARD * 2}' }).issues),
    ).not.toContain('p@ss')
  })
})
