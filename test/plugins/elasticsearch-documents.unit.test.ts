import { expect, test } from 'vitest'
import type { Message } from '../../src/core/message.ts'
import { message } from '../core/sample.ts'
import { ElasticsearchLab, orders, publish, verdict } from './elasticsearch-lab.ts'
import { elasticsearch } from './elasticsearch-testbed.ts'

async function one(lab: ElasticsearchLab, options: object, ...messages: readonly Message[]): Promise<string> {
  const sink = await lab.sink(options)
  let last = ''
  for (const each of messages) last = verdict((await publish(sink, [each]))[0])
  return last
}

test('a repeat is harmless: the id of the document comes from the message', async () => {
  await using lab = await ElasticsearchLab.start()
  await one(lab, {}, ...orders(1, { n: 1 }), ...orders(1, { n: 2 }))
  await one(lab, { id: '${headers.customer}-${body.id}' }, message({ headers: [['customer', 7]], body: { id: 'a' } }))
  expect(lab.stored).toEqual({ 'o-0': { id: 'o-0', n: 2 }, '7-a': { id: 'a' } })
})

test('without an id it is that of the message', async () => {
  await using lab = await ElasticsearchLab.start()
  expect(await one(lab, { id: undefined }, message({ id: 'm-9', body: {} }))).toBe('ok')
  expect(lab.stored).toEqual({ 'm-9': {} })
})

test('create leaves what is there, and calls it done', async () => {
  await using lab = await ElasticsearchLab.start()
  expect(await one(lab, { action: 'create' }, ...orders(1, { n: 1 }), ...orders(1, { n: 2 }))).toBe('ok')
  expect(lab.stored).toEqual({ 'o-0': { id: 'o-0', n: 1 } })
})

test('an older version changes nothing, and is done', async () => {
  await using lab = await ElasticsearchLab.start()
  const [old, young] = [message({ body: { id: 'a', rev: 3 } }), message({ body: { id: 'a', rev: 4 } })]
  expect(await one(lab, { version: '${body.rev}' }, young, old)).toBe('ok')
  expect(lab.stored).toEqual({ a: { id: 'a', rev: 4 } })
  expect(lab.server.index('orders')!.get('a')).toMatchObject({ version: 4, external: true })
})

test('a null body, or the action, deletes; what is not there is deleted, too', async () => {
  await using lab = await ElasticsearchLab.start()
  const gone = message({ key: 'o-0', bytes: null })
  await one(lab, {}, ...orders(3))
  expect(await one(lab, { id: '${key}' }, gone, gone)).toBe('ok')
  expect(
    await one(lab, { action: '${headers.op}' }, message({ headers: [['op', 'delete']], body: { id: 'o-1' } })),
  ).toBe('ok')
  expect(lab.stored).toEqual({ 'o-2': { id: 'o-2' } })
})

test('a null body without an id for it is no document', async () => {
  await using lab = await ElasticsearchLab.start()
  const gone = message({ bytes: null })
  expect(await one(lab, { id: undefined }, gone)).toBe('MESSAGE_REFUSED poison message')
  expect(await one(lab, { id: '${id}', action: 'create' }, gone)).toBe('MESSAGE_REFUSED poison message')
})

test('the document is built by expressions, or is the body byte by byte', async () => {
  await using lab = await ElasticsearchLab.start()
  const pretty = Buffer.from('{\r\n  "id": "a",\n  "text": "two\\nlines \u2028 Grüße",\n  "n": 9007199254740993\n}\n')
  expect(await one(lab, { id: 'x' }, message({ bytes: pretty }))).toBe('ok')
  const document = { order: '${body}', from: '${source.address}', at: '${timestamp}', raw: '${key}' }
  expect(await one(lab, { document }, message({ key: Buffer.from([255, 0]), body: { id: 'b' } }))).toBe('ok')
  expect(lab.stored).toEqual({
    x: { id: 'a', text: 'two\nlines \u2028 Grüße', n: 9007199254740992 },
    b: { order: { id: 'b' }, from: 'orders', at: 1_700_000_000_000, raw: '/wA=' },
  })
})

test.each([
  ['a list', { bytes: Buffer.from('[1]') }, {}, 'BODY_INVALID'],
  ['nothing', { bytes: Buffer.alloc(0) }, {}, 'BODY_INVALID'],
  ['no UTF-8', { bytes: Buffer.from('{"a":"\xff"}', 'latin1') }, {}, 'BODY_INVALID'],
  ['broken JSON', { bytes: Buffer.from('{"a":') }, {}, 'MESSAGE_REFUSED'],
  [
    'two documents in one',
    { bytes: Buffer.from('{"a":1}\n{"delete":{"_index":"orders","_id":"x"}}') },
    {},
    'MESSAGE_REFUSED',
  ],
  ['too large', { body: { text: 'x'.repeat(2_000) } }, { maxDocumentBytes: '1KiB' }, 'TOO_LARGE'],
  ['an id that is too long', { body: {} }, { id: `\${"x"}${'ü'.repeat(260)}` }, 'MESSAGE_REFUSED'],
  ['no id', { body: {} }, { id: '${key}' }, 'MESSAGE_REFUSED'],
  ['no name of an index', { body: {} }, { index: '${subject}/x' }, 'MESSAGE_REFUSED'],
  ['no action', { body: {} }, { action: '${subject}' }, 'MESSAGE_REFUSED'],
  ['no version', { body: { v: 1.5 } }, { version: '${body.v}' }, 'MESSAGE_REFUSED'],
  ['a missing field', { body: {} }, { id: '${body.id}' }, 'EXPRESSION_FAILED'],
])('%s is poison, and its neighbours pass', async (_what, fields, options, code) => {
  await using lab = await ElasticsearchLab.start()
  await using other = await ElasticsearchLab.start()
  expect(await one(lab, { id: 'x', ...options }, message(fields))).toBe(`${code} poison message`)
  const sink = await other.sink({ id: '${body.id}', maxDocumentBytes: '1KiB' })
  const results = await publish(sink, [...orders(1), message({ bytes: Buffer.from('[]') }), ...orders(1)])
  expect(results.map(verdict)).toEqual(['ok', 'EXPRESSION_FAILED poison message', 'ok'])
})

test('what cannot work is found before anything runs', () => {
  const problems = (part: 'connection' | 'source' | 'sink', options: object) =>
    elasticsearch.check!(part, options).map(({ path, message }) => `${path.join('.')}: ${message}`)
  expect(problems('source', {})).toEqual([': Elasticsearch can be written to only'])
  expect(problems('sink', { index: 'orders-${headers.Region}', action: '${subject}' })).toEqual([])
  expect(problems('sink', { index: 'Orders' })[0]).toMatch(/^index: .* capitals/)
  expect(problems('sink', { index: 'a', action: 'upsert' })[0]).toMatch(/^action: "upsert"/)
  expect(problems('sink', { index: 'a', action: 'delete' })[0]).toMatch(/^action: `delete` needs the `id`/)
  expect(problems('sink', { index: 'a', action: 'create', version: '${body.v}' })[0]).toMatch(/^version: /)
  expect(problems('connection', { url: 'elasticsearch://a:b@c', apiKey: 'k' })[0]).toMatch(/^apiKey: /)
  for (const url of [
    'elasticsearch://',
    'elasticsearch://user@host',
    'elasticsearch://u:%zz@host',
    'elasticsearch://host:99999',
  ])
    expect(problems('connection', { url })[0]).toMatch(/^url: the url/)
  expect(problems('connection', { url: 'elasticsearchs://u:p%40ss@es-1,es-2:9201,[::1]:9202/search' })).toEqual([])
})
