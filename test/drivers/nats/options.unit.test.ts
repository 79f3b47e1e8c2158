import { describe, expect, it } from 'vitest'
import type { DriverSchemas } from '../../../src/core/ports.ts'
import { parseUrl } from '../../../src/drivers/nats/address.ts'
import { nats } from '../../../src/drivers/nats/driver.ts'
import { covers, isSubject } from '../../../src/drivers/nats/subject.ts'

const problems = (part: keyof DriverSchemas, options: object) =>
  nats.check!(part, options).map(({ path, message }) => `${path.join('.')}: ${message}`)

describe('options of NATS', () => {
  it.each([
    ['source', {}, /either `subject` .* or `stream`/],
    ['source', { subject: 'a', stream: 'B' }, /either `subject` .* or `stream`/],
    ['source', { subject: 'a', consumer: 'c' }, /consumer: `consumer` belongs to a `stream`/],
    ['source', { stream: 'B', queue: 'q' }, /queue: `queue` belongs to a `subject`/],
    ['source', { stream: 'B', maxDeliver: 10 }, /maxDeliver: after 10 deliveries/],
    ['source', { stream: 'B', ackWait: '100ms' }, /ackWait: .* at least 500 ms/],
    ['source', { stream: 'B', create: {} }, /create: .* needs `subjects`/],
    ['source', { stream: 'B', passive: true, create: { subjects: ['b'] } }, /passive: `passive` creates nothing/],
    ['source', { stream: 'B', deliver: { time: '2026-99-99T99' } }, /deliver.time: .* is not a time/],
    ['sink', { subject: 'a b' }, /subject: "a b" cannot be a subject/],
    ['sink', { subject: 'a.*' }, /subject: "a\.\*" cannot be a subject/],
    ['sink', { subject: 'a', create: {} }, /create: `create` belongs to a `stream`/],
    ['sink', { subject: 'a', messageId: 'x' }, /messageId: .* core NATS knows no duplicates/],
    ['sink', { subject: 'a', stream: 'B', reply: 'c' }, /reply: .* no place in a stream/],
    ['sink', { subject: '${subject}', stream: 'B', create: {} }, /create: .* needs `subjects`/],
    ['connection', { url: 'nats://a:b@c:99999' }, /url: the url has "c:99999"/],
    ['connection', { url: 'nats://a', tls: { cert: 'x' } }, /tls: `cert` and `key` belong together/],
    ['connection', { url: 'nats://a', token: 't', creds: 'c' }, /different ways to log in/],
  ] as const)('%s %j', (part, options, why) => {
    expect(problems(part, options).join('; ')).toMatch(why)
  })

  it.each([
    ['source', { subject: 'a.*.>', queue: 'q', pending: 5 }],
    [
      'source',
      { stream: 'B', maxDeliver: -1, filter: ['a', 'b'], deliver: { time: '2026-11-25T08:00:00.123456789Z' } },
    ],
    ['source', { stream: 'B', create: { subjects: ['b.>'] } }],
    ['sink', { subject: '${subject}' }],
    ['sink', { subject: 'a', stream: 'B', create: {} }],
    ['connection', { url: 'nats://user:pass@a,b:1,[::1]:4222' }],
  ] as const)('%s %j is right', (part, options) => {
    expect(problems(part, options)).toEqual([])
  })

  it('tells features of a subject from those of a stream', () => {
    expect(nats.featuresOf!('sink', { subject: 'a' })).toMatchObject({ durable: false, countsAttempts: false })
    expect(nats.featuresOf!('source', { stream: 'A' })).toMatchObject({ durable: true, countsAttempts: true })
  })

  it('reads back what a sink wrote into a stream, and nothing of core', () => {
    expect(nats.readBack!({ stream: 'D', subject: 'd' }, 'sluice-dlq.orders')).toMatchObject({
      stream: 'D',
      filter: 'd',
      consumer: 'sluice-dlq_orders',
    })
    expect(nats.readBack!({ stream: 'D', subject: '${subject}' }, 'g')).not.toHaveProperty('filter')
    expect(nats.readBack!({ subject: 'd' }, 'g')).toBeUndefined()
  })
})

describe('addresses', () => {
  it('splits user, password and servers', () => {
    expect(parseUrl('tls://us%40er:p%3Ass@a,b:1,[::1]:2')).toEqual({
      secure: true,
      user: 'us@er',
      password: 'p:ss',
      servers: [
        { host: 'a', port: 4222 },
        { host: 'b', port: 1 },
        { host: '::1', port: 2 },
      ],
    })
    expect(parseUrl('nats://token@a')).toMatchObject({ secure: false, user: 'token', password: undefined })
  })

  it.each(['nats://', 'nats://a:0', 'nats://a b', 'nats://%zz@a', 'http://a'])('refuses %s without showing it', url => {
    expect(() => parseUrl(url)).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID' }))
  })
})

describe('subjects', () => {
  it.each([
    ['a', 'a', true],
    ['a.*', 'a.b', true],
    ['a.*', 'a.b.c', false],
    ['a.>', 'a.b.c', true],
    ['a.>', 'a', false],
    ['>', 'a.b', true],
    ['a.b', 'a', false],
    ['*.b', 'a.b', true],
  ])('%s covers %s: %s', (pattern, subject, covered) => {
    expect(covers(pattern, subject)).toBe(covered)
  })

  it.each(['', '.', 'a.', '.a', 'a..b', 'a b', 'a\r\n', '*', 'a.>', 'a\u0000', 'x'.repeat(1_025)])(
    '%j is none',
    text => {
      expect(isSubject(text)).toBe(false)
    },
  )
})
