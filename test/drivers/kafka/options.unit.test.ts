import { describe, expect, it } from 'vitest'
import { SluiceError } from '../../../src/core/errors.ts'
import { address, parseUrl } from '../../../src/drivers/kafka/address.ts'
import { kafka } from '../../../src/drivers/kafka/driver.ts'
import type { SourceOptions } from '../../../src/drivers/kafka/source-options.ts'
import { sourceSettings } from '../../../src/drivers/kafka/source-settings.ts'

describe('the url', () => {
  it.each([
    ['kafka://h', [['h', 9092]], undefined, undefined, false],
    [
      'kafka://h1:1,h2:2,h3',
      [
        ['h1', 1],
        ['h2', 2],
        ['h3', 9092],
      ],
      undefined,
      undefined,
      false,
    ],
    ['kafkas://u:p@h', [['h', 9092]], 'u', 'p', true],
    ['kafka://u:p%40ss%3A%2F@h/', [['h', 9092]], 'u', 'p@ss:/', false],
    ['kafka://u:p@ss@h', [['h', 9092]], 'u', 'p@ss', false],
    ['kafka://u:@h', [['h', 9092]], 'u', '', false],
    ['kafka://[::1]:9093', [['::1', 9093]], undefined, undefined, false],
  ] as const)('%s', (url, brokers, user, password, secure) => {
    const found = parseUrl(url)
    expect(found.brokers.map(({ host, port }) => [host, port])).toEqual(brokers)
    expect([found.user, found.password, found.secure]).toEqual([user, password, secure])
  })

  it.each([
    'kafka://',
    'kafka://u:secret@',
    'kafka://h:0',
    'kafka://h:70000',
    'kafka://h,,h2',
    'kafka://u:se%zzcret@h',
    'http://h',
    'kafka://h/vhost',
  ])('%s is refused, and its password not repeated', url => {
    const problems = kafka.check!('connection', { url })
    expect(problems).toHaveLength(1)
    expect(problems[0]!.path).toEqual(['url'])
    expect(JSON.stringify(problems)).not.toMatch(/secret|se%zzcret/)
  })

  it('a user without a password is refused', () => {
    expect(() => address({ url: 'kafka://alice@h' }, 'log', '.')).toThrow(SluiceError)
  })

  it('sasl overrules the url', () => {
    const options = { url: 'kafka://a:b@h', sasl: { mechanism: 'scram-sha-512', username: 'c' } } as const
    expect(address(options, 'log', '.').login).toEqual({ mechanism: 'scram-sha-512', username: 'c', password: 'b' })
  })
})

describe('source options that cannot work together', () => {
  it.each<[string, SourceOptions, readonly (string | number)[]]>([
    ['no topic', {}, []],
    ['a pattern beside a topic', { topic: 't', pattern: 'x' }, ['pattern']],
    ['a pattern that is none', { pattern: '(' }, ['pattern']],
    ['heartbeats slower than the session', { topic: 't', heartbeatInterval: '20s' }, ['heartbeatInterval']],
    ['a drain longer than the rebalance', { topic: 't', drain: '50s' }, ['drain']],
    ['a fetch longer than the session', { topic: 't', fetch: { maxWait: '20s' } }, ['fetch', 'maxWait']],
    ['a time that is none', { topic: 't', from: { timestamp: 'yesterday!' } }, ['from', 'timestamp']],
  ])('%s', (_, options, path) => {
    expect(kafka.check!('source', options).map(problem => problem.path)).toEqual([path])
    expect(() => sourceSettings(options, 'orders')).toThrow(SluiceError)
  })

  it('none with the defaults; the group is named by the route', () => {
    expect(kafka.check!('source', { topic: 't' })).toEqual([])
    expect(sourceSettings({ topic: 't' }, 'orders').group).toBe('sluice.orders')
  })
})

describe('sink options by which no message could go', () => {
  it.each([
    ['a topic that cannot be', { topic: 'a/b' }, ['topic']],
    ['a partition below 0', { topic: 't', partition: -1 }, ['partition']],
    ['a time that is none', { topic: 't', timestamp: 'soon' }, ['timestamp']],
  ])('%s', (_, options, path) => {
    expect(kafka.check!('sink', options).map(problem => problem.path)).toEqual([path])
  })

  it('none for expressions: only messages tell', () => {
    expect(kafka.check!('sink', { topic: '${headers.to}', partition: '${headers.p}' })).toEqual([])
  })
})

it('dead letters are read back from the topic they were written to, from the beginning', () => {
  expect(kafka.readBack!({ topic: 'dead' }, 'dlq')).toEqual({ topics: ['dead'], group: 'dlq', from: 'earliest' })
  expect(kafka.readBack!({ topic: 'dead.${subject}' }, 'dlq')).toBeUndefined()
})
