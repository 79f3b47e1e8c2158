import { describe, expect, it } from 'vitest'
import { compileTemplate, compileTree } from '../../src/core/expression.ts'
import { Typed } from '../../src/core/header-value.ts'
import { message, thrown } from './sample.ts'

const BIG = 2n ** 60n
const ORDER = message({
  id: 'm-1',
  key: Buffer.from('u-1'),
  headers: [
    ['region', 'eu'],
    ['user-id', 'u-1'],
    ['n', 5],
    ['big', BIG],
    ['small', new Typed('int64', 7n)],
    ['raw', Buffer.from('é')],
    ['none', null],
    ['list', [1, BIG]],
  ],
  properties: { contentType: 'application/json', timestamp: 12n },
  body: { n: 1, total: 12.5, text: 'abc', items: [{ qty: 2 }, { qty: 3 }], empty: [], nothing: null, flag: true },
})

const value = (text: string, of = ORDER): unknown => compileTemplate(text).evaluate(of)

describe('a text that is one expression keeps the type', () => {
  it.each<[string, unknown]>([
    ['${id}', 'm-1'],
    ['${key}', 'u-1'],
    ['${subject}', 'order.created'],
    ['${timestamp}', 1_700_000_000_000],
    ['${headers.region}', 'eu'],
    ['${headers["user-id"]}', 'u-1'],
    ['${headers.small}', 7],
    ['${headers.big}', BIG],
    ['${headers.raw}', Buffer.from('é')],
    ['${headers.none}', null],
    ['${headers.list}', [1, BIG]],
    ['${source.address}', 'orders'],
    ['${source.attempt}', 1],
    ['${properties.contentType}', 'application/json'],
    ['${properties.timestamp}', 12],
    ['${body.total}', 12.5],
    ['${body.items[1].qty}', 3],
    ['${body.flag}', true],
    ['${size(body.items)}', 2],
    ['${body.items.map(i, i.qty * 2)}', [4, 6]],
    ['${body.items.filter(i, i.qty > 2)}', [{ qty: 3 }]],
    ['${{"n": size(body.items), "l": [1, "a"]}}', { n: 2, l: [1, 'a'] }],
    ['${b"\\x00\\xff" == b"\\x00\\xff"}', true],
    ['${bytes(body.text)}', Buffer.from('abc')],
    ['${timestamp("2026-01-02T03:04:05Z")}', '2026-01-02T03:04:05.000Z'],
    ['${duration("1m30s")}', 90_000],
    ['${type(body.text)}', 'string'],
    ['${5u}', 5],
    ['${headers.?nope}', null],
    ['${headers.?region}', 'eu'],
    ['${cel.bind(n, body.n, n + n)}', 2],
  ])('%s', (text, expected) => {
    expect(value(text)).toEqual(expected)
  })
})

describe('JSON numbers do what a person expects', () => {
  it.each<[string, unknown]>([
    ['${body.total > 0}', true],
    ['${body.total > 0.0}', true],
    ['${body.n == 1}', true],
    ['${1 == body.n}', true],
    ['${body.n != 1.0}', false],
    ['${body.n in [1, 2]}', true],
    ['${body.n + 1}', 2],
    ['${1 + body.n}', 2],
    ['${10 - body.n}', 9],
    ['${body.n * 3}', 3],
    ['${body.n / 2}', 0.5],
    ['${7 % (body.n + 1)}', 1],
    ['${body.total % 5}', 2.5],
    ['${size(body.items) * body.total}', 25],
    ['${timestamp == 1700000000000}', true],
    ['${source.attempt == 1}', true],
    ['${-body.n}', -1],
    ['${round(body.total)}', 13],
    ['${int(body.total)}', 12],
    ['${headers.big + 1}', BIG + 1n],
    ['${headers.big > body.n}', true],
    ['${headers.n + 0.5}', 5.5],
    ['${7 / 2}', 3],
  ])('%s is %s', (text, expected) => {
    expect(value(text)).toEqual(expected)
  })
})

describe('functions', () => {
  it.each<[string, unknown]>([
    ['${sha256("abc")}', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    ['${sha256(headers.raw) == sha256("é")}', true],
    ['${base64("é")}', 'w6k='],
    ['${base64(headers.raw)}', 'w6k='],
    ['${string(fromBase64("w6k="))}', 'é'],
    ['${string(headers.raw)}', 'é'],
    ['${json("{\\"a\\": [1]}").a[0] + 1}', 2],
    ['${json(b"[true]")}', [true]],
    ['${urlEncode("a b/c")}', 'a%20b%2Fc'],
    ['${body.text.replace("b", "$&")}', 'a$&c'],
    ['${body.text.upperAscii().lowerAscii().split("b").join("-")}', 'a-c'],
    ['${body.text.matches("^a.c$")}', true],
    ['${has(headers.nope) ? headers.nope : "none"}', 'none'],
    ['${headers.?nope.orValue("none")}', 'none'],
    ['${headers[?"no-pe"].orValue(0)}', 0],
    ['${"nope" in headers}', false],
  ])('%s', (text, expected) => {
    expect(value(text)).toEqual(expected)
  })
})

describe('a text with more around is interpolation', () => {
  it.each([
    ['a-${body.n}-${body.flag}', 'a-1-true'],
    ['${headers.region}.${body.total}', 'eu.12.5'],
    ['x${headers.raw}', 'xé'],
    ['x${headers.big}', `x${BIG}`],
    ['x${body.items}', 'x[{"qty":2},{"qty":3}]'],
    ['x${headers.list}', `x[1,${BIG}]`],
    ['$${not} ${id}', '${not} m-1'],
  ])('%s is %s', (text, expected) => {
    expect(value(text)).toBe(expected)
  })

  it('fails on null: a name must not lose a part in silence', () => {
    const error = thrown(() => value('orders.${body.nothing}'))
    expect(error.code).toBe('EXPRESSION_FAILED')
    expect(error.message).toBe('${body.nothing} is null and cannot be part of a text')
  })
})

describe('what is missing is named', () => {
  it.each([
    ['${headers.nope}', '${headers.nope}: headers has no "nope"'],
    ['${headers.nope + "x"}', '${headers.nope + "x"}: headers has no "nope"'],
    ['${body.items[2]}', '${body.items[2]}: body.items has no element 2'],
    ['${body.items[2].qty + 1}', '${body.items[2].qty + 1}: body.items has no element 2'],
    ['${body.empty[0]}', '${body.empty[0]}: body.empty has no element 0'],
    ['${body.nothing.x}', '${body.nothing.x}: body.nothing has no "x"'],
    ['${body.text.x}', '${body.text.x}: body.text has no "x"'],
    ['${properties.userId}', '${properties.userId}: properties has no "userId"'],
    ['${body.n / 0 > body.text}', '${body.n / 0 > body.text}: no such overload: any value<double> > any value<string>'],
  ])('%s', (text, words) => {
    const error = thrown(() => value(text))
    expect(error).toMatchObject({ code: 'EXPRESSION_FAILED', message: words })
  })

  it('and a body that is no JSON stays BODY_INVALID', () => {
    const broken = message({ bytes: Buffer.from('{') })
    expect(thrown(() => value('${body.a}', broken)).code).toBe('BODY_INVALID')
    expect(thrown(() => value('${body.a + 1}', broken)).code).toBe('BODY_INVALID')
    expect(value('${headers == {} || body.a == 1}', broken)).toBe(true)
  })
})

describe('what an expression reads is exact', () => {
  it.each([
    ['plain', []],
    ['${1 + 1}', []],
    ['${headers.a}-${body.b}', ['headers', 'body']],
    ['${headers["body"]}', ['headers']],
    ['${headers.list.map(body, body + 1)}', ['headers']],
    ['${headers.list.map(x, body + x)}', ['headers', 'body']],
    ['${cel.bind(body, headers.a, body)}', ['headers']],
    ['${cel.bind(x, body, key)}', ['body', 'key']],
    ['${has(body.a) || headers.x == id}', ['body', 'headers', 'id']],
    ['${{"a": [subject, timestamp]}}', ['subject', 'timestamp']],
    ['${"body"}', []],
    ['${source.attempt > 1 ? properties.type : "x"}', ['source', 'properties']],
  ])('%s reads %j', (text, reads) => {
    expect([...compileTemplate(text).reads]).toEqual(reads)
  })

  it('and decodes nothing that is not read', () => {
    const broken = message({ bytes: Buffer.from('{'), headers: [['list', [1]]] })
    expect(value('${headers.list.map(body, body + 1)}', broken)).toEqual([2])
  })

  it('constants are computed once, at compile time', () => {
    expect(compileTemplate('plain').constant).toBe('plain')
    expect(compileTemplate('${2 * 30}').constant).toBe(60)
    expect(compileTemplate('${2 * 30}s').constant).toBe('60s')
    expect(compileTemplate('${id}').constant).toBeUndefined()
  })
})

describe('a tree', () => {
  it('is built from its leaves', () => {
    const tree = compileTree({ a: '${body.n}', b: ['x-${id}', null, 5, true], c: { d: '${headers.list}' } })
    expect(tree.evaluate(ORDER)).toEqual({ a: 1, b: ['x-m-1', null, 5, true], c: { d: [1, BIG] } })
    expect([...tree.reads]).toEqual(['body', 'id', 'headers'])
  })

  it('keeps a key named __proto__ as a key', () => {
    const tree = compileTree(JSON.parse('{"__proto__": {"a": "${id}"}}')).evaluate(ORDER)
    expect(JSON.stringify(tree)).toBe('{"__proto__":{"a":"m-1"}}')
    expect(({} as { a?: unknown }).a).toBeUndefined()
  })

  it('without expressions is a constant', () => {
    expect(compileTree({ a: [1, 'x', null] }).constant).toEqual({ a: [1, 'x', null] })
    expect(compileTree(5).constant).toBe(5)
    expect(compileTree(null).constant).toBeNull()
  })

  it('refuses an expression in a key', () => {
    expect(thrown(() => compileTree({ '${id}': 1 })).code).toBe('OPTIONS_INVALID')
  })
})
