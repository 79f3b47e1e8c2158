import { describe, expect, it } from 'vitest'
import { Headers } from '../../../src/core/headers.ts'
import { Message, type MessageFields } from '../../../src/core/message.ts'
import { Targets } from '../../../src/drivers/kafka/target.ts'

const LARGE = 2n ** 60n

const message = (changes: Partial<MessageFields> = {}) =>
  new Message({
    key: null,
    subject: 'orders',
    headers: Headers.of({ large: LARGE, table: { large: LARGE, raw: Buffer.from('x') }, list: [1, LARGE] }),
    bytes: Buffer.from('{}'),
    timestamp: 1_795_000_000_123,
    properties: {},
    source: { connection: 'shop', address: 'q', sequence: 'q', position: '1', attempt: 1 },
    ...changes,
  })

const keyOf = (key: string) => String(new Targets({ topic: 'orders', key }).of(message()).key)

describe('integers beyond 2^53 in what a template says', () => {
  it.each([
    ['${headers.large}', '1152921504606846976'],
    ['${headers.table}', '{"large":1152921504606846976,"raw":"x"}'],
    ['${headers.list}', '[1,1152921504606846976]'],
  ])('%s is a key with all its digits', (template, key) => {
    expect(keyOf(template)).toBe(key)
  })

  it('is a header with all its digits', () => {
    const { headers } = new Targets({ topic: 'orders', headers: { copy: '${headers.table}' } }).of(message())
    expect(headers.find(([name]) => name === 'copy')?.[1]).toBe('{"large":1152921504606846976,"raw":"x"}')
  })

  it('cannot be a partition, in a sentence', () => {
    const targets = new Targets({ topic: 'orders', partition: '${headers.large}' })
    expect(() => targets.of(message())).toThrow('1152921504606846976 cannot be a partition')
  })
})

it('replaces a header with all its values and their types', () => {
  const headers = new Headers([
    ['n', 7],
    ['other', 1],
    ['n', 8n],
  ])
  const target = new Targets({ topic: 'orders', headers: { n: '${"seven"}' } }).of(message({ headers }))
  expect(target.headers).toEqual([
    ['n', 'seven'],
    ['other', '1'],
    ['sluice-types', 'other=I'],
  ])
})

it('keeps the key and the time that the message has', () => {
  const key = Buffer.from([0xff])
  expect(new Targets({ topic: 'orders' }).of(message({ key }))).toMatchObject({ key, timestamp: 1_795_000_000_123 })
})
