import { expect, test } from 'vitest'
import { quiet } from '../../../src/core/quiet-log.ts'
import { pulsar } from '../../../src/drivers/pulsar/driver.ts'
import { loadNative } from '../../../src/drivers/pulsar/native-client.ts'

const problems = (part: 'connection' | 'source' | 'sink', options: object) =>
  pulsar.check!(part, options).map(({ path, message }) => `${path.join('.')}: ${message}`)

test.each([
  'ws://localhost',
  'wss://a:8443,b/',
  'wss://[::1]:8443/pulsar',
  'pulsar://a,b,c:6651',
  'pulsar+ssl://10.0.0.1',
])('%s is a url', url => {
  expect(problems('connection', { url })).toEqual([])
})

test.each([
  ['ws://user:hunter2@localhost', /tokens and client certificates/],
  ['ws://a,,b', /no host or host:port/],
  ['ws://a:99999', /no host or host:port/],
  ['ws://a?b=c', /no host or host:port/],
  ['wss://a/x?token=hunter2', /path with something/],
  ['pulsar://a/b', /path, which pulsar:\/\/ knows nothing of/],
])('%s is none, and is not repeated', (url, what) => {
  const [problem] = problems('connection', { url })
  expect(problem).toMatch(what)
  expect(problem).not.toContain('hunter2')
})

test('certificate and key belong together', () => {
  expect(problems('connection', { url: 'wss://a', tls: { cert: 'c.pem' } })).toEqual([
    'tls: `cert` and `key` belong together: one is missing',
  ])
})

test('a source has one way to name its topics', () => {
  for (const options of [{}, { topic: 'a', pattern: 'b' }, { topic: 'a', topics: ['b'] }])
    expect(problems('source', options)).toContain('topic: a source needs one of `topic`, `topics` and `pattern`')
  expect(problems('source', { topics: ['a', 'a'] })).toEqual(['topics: a topic is named twice'])
  expect(problems('source', { topics: ['a', 'b/c', 'x://a/b/c'] })).toHaveLength(2)
  for (const topic of ['a', 't/n/a', 'persistent://t/n/a', 'non-persistent://t/n/a b', 'käse'])
    expect(problems('source', { topic })).toEqual([])
  for (const topic of ['', 'a/b', 't/n/c/a', 'persistent://a', 'kafka://t/n/a', 't/n/', 'a\u0000', 't t/n/a'])
    expect(problems('source', { topic }), topic).toHaveLength(1)
})

test('what cannot go together is said', () => {
  expect(problems('source', { pattern: 'a', create: { partitions: 1 } })).toHaveLength(1)
  expect(problems('source', { topic: 'a', readCompacted: true, type: 'shared' })).toHaveLength(1)
  expect(problems('sink', { topic: 'a', chunking: true, batching: true })).toHaveLength(1)
  expect(problems('sink', { topic: 'a', sequenceId: '${body.n}' })[0]).toMatch(/producerName/)
  expect(problems('sink', { topic: 'a/b', eventTime: 'yesterday' })).toHaveLength(2)
  expect(problems('sink', { topic: 'a${key}/b', eventTime: '${body.at}', key: '${key}' })).toEqual([])
})

test('dead letters are read back in a subscription of their own', () => {
  expect(pulsar.readBack!({ topic: 'dead.${subject}' }, 'dlq')).toBeUndefined()
  expect(pulsar.readBack!({ topic: 'dead' }, 'dlq')).toEqual({
    topic: 'dead',
    subscription: 'dlq',
    type: 'exclusive',
    from: 'earliest',
  })
})

test('without the native client, a sentence says how to get it, and that ws:// needs none', async ctx => {
  const error = await loadNative().then(
    () => undefined,
    (error: unknown) => error,
  )
  if (error === undefined) ctx.skip('pulsar-client is installed here')
  expect(error).toMatchObject({
    code: 'NOT_SUPPORTED',
    fate: 'fatal',
    hint: expect.stringMatching(/npm install pulsar-client.*ws:\/\//),
  })
  const connection = pulsar.connect({ url: 'pulsar://localhost' }, { name: 'log', log: quiet, baseDir: '.' })
  await expect(connection.check(new AbortController().signal)).rejects.toMatchObject({ code: 'NOT_SUPPORTED' })
})
