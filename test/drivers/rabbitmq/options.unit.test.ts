import { describe, expect, it } from 'vitest'
import type { ConnectionOptions } from '../../../src/drivers/rabbitmq/connection-options.ts'
import { rabbitmq } from '../../../src/drivers/rabbitmq/driver.ts'
import { readLogin } from '../../../src/drivers/rabbitmq/login.ts'

const login = (options: ConnectionOptions) => readLogin(options, 'shop', '/nowhere')

describe('a url', () => {
  it('without anything is the guest of the local broker', () => {
    expect(login({ url: 'amqp://localhost' })).toMatchObject({
      secure: false,
      hosts: [{ hostname: 'localhost', port: 5672 }],
      vhost: '/',
      username: 'guest',
      password: 'guest',
      heartbeat: 10,
      connectTimeoutMs: 10_000,
      name: 'sluice/shop',
    })
  })

  it('holds user, password and vhost with any characters, and IPv6 hosts', () => {
    expect(login({ url: 'amqps://a%40b:p%2Fw%25@[::1]/eu%2Fshop', hosts: ['[::2]:99', 'c.d'] })).toMatchObject({
      secure: true,
      hosts: [
        { hostname: '::1', port: 5671 },
        { hostname: '::2', port: 99 },
        { hostname: 'c.d', port: 5671 },
      ],
      vhost: 'eu/shop',
      username: 'a@b',
      password: 'p/w%',
    })
  })

  it.each(['amqp://u:secret%zz@h', 'amqp://u:secret@h:99999999', 'amqp://u:sec ret@'])(
    '%s that cannot be read is not repeated',
    url => {
      expect(() => login({ url })).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID' }))
      expect(() => login({ url })).not.toThrow(/sec/)
    },
  )

  it('a certificate that is not there is named', () => {
    expect(() => login({ url: 'amqps://h', tls: { ca: 'certs/ca.crt' } })).toThrow(/tls\.ca: the file certs\/ca\.crt/)
  })
})

describe('options that cannot work together', () => {
  it.each([
    ['connection', { url: 'amqp://h', tls: {} }, ['tls']],
    ['connection', { url: 'amqp://h', auth: 'external' }, ['auth']],
    ['connection', { url: 'amqps://h', tls: { cert: 'c' } }, ['tls']],
    ['source', {}, ['queue']],
    ['source', { bind: [{ exchange: 'e' }], passive: true }, ['passive']],
    ['source', { bind: [{ exchange: 'e' }], type: 'quorum' }, ['type']],
    ['source', { queue: 'q', type: 'quorum', durable: false }, ['type']],
    ['source', { queue: 'q', type: 'stream', exclusive: true }, ['type']],
    ['source', { queue: 'q', singleActiveConsumer: true, passive: true }, ['singleActiveConsumer']],
    ['source', { queue: 'q', singleActiveConsumer: true, type: 'stream' }, ['singleActiveConsumer']],
    ['source', { queue: 'q', offset: 'first' }, ['offset']],
    ['source', { queue: 'q', partitionBy: { header: 'h' } }, ['partitionBy']],
    ['source', { bind: [{ exchange: 'e' }], partitions: 2 }, ['partitions']],
    ['source', { queue: 'q'.repeat(254), partitions: 2 }, ['queue']],
    ['source', { queue: 'q', partitions: 2, type: 'stream' }, ['type']],
    ['source', { queue: 'q', partitions: 2, exclusive: true }, ['exclusive']],
    ['source', { queue: 'q', partitions: 2, autoDelete: true }, ['autoDelete']],
    ['source', { queue: 'q', partitions: 2, priority: 1 }, ['priority']],
    ['source', { queue: 'q', partitions: 2, singleActiveConsumer: false }, ['singleActiveConsumer']],
    ['sink', {}, ['exchange']],
    ['sink', { exchange: 'e', queue: 'q' }, ['exchange']],
    ['sink', { queue: 'q', routingKey: 'k' }, ['routingKey']],
    ['sink', { queue: 'q', type: 'topic' }, ['type']],
    ['sink', { exchange: 'e', durable: false }, ['durable']],
    ['sink', { exchange: 'e', mandatory: false, unroutable: 'retry' }, ['unroutable']],
  ] as const)('%s %j', (part, options, path) => {
    expect(rabbitmq.check!(part, options).map(problem => problem.path)).toEqual([path])
  })

  it.each([
    ['connection', { url: 'amqps://h', auth: 'external', tls: { cert: 'c', key: 'k' } }],
    ['source', { queue: 'q' }],
    ['source', { bind: [{ exchange: 'e' }] }],
    ['source', { queue: 'q', type: 'stream', offset: 5 }],
    ['source', { queue: 'q', partitions: 8, partitionBy: { property: 'correlation_id' }, type: 'classic' }],
    ['source', { queue: 'q', partitions: 8, passive: true }],
    ['sink', { queue: 'q', type: 'quorum' }],
    ['sink', { exchange: 'e', type: 'topic', routingKey: '${subject}' }],
  ] as const)('%s %j is fine', (part, options) => {
    expect(rabbitmq.check!(part, options)).toEqual([])
  })
})
