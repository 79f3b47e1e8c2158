import { describe, expect, it } from 'vitest'
import { Headers } from '../../../src/core/headers.ts'
import { Message, type MessageFields } from '../../../src/core/message.ts'
import { Routing } from '../../../src/drivers/rabbitmq/routing.ts'
import type { SinkOptions } from '../../../src/drivers/rabbitmq/sink-options.ts'

const message = (fields: Partial<MessageFields> = {}) =>
  new Message({
    key: 'k',
    subject: 'order.created',
    headers: Headers.of({ region: 'eu', level: 3 }),
    bytes: Buffer.from('{"total":5,"user":"u1"}'),
    timestamp: 1_700_000_000_123,
    properties: {},
    source: { connection: 'log', address: 't', sequence: 't/0', position: '0:1', attempt: 1 },
    ...fields,
  })
const route = (options: SinkOptions, sent = message()) => new Routing(options).publication(sent)

describe('a publication', () => {
  it('goes where the sink says: exchange and key by template, subject by default, or a queue by its name', () => {
    expect(route({ exchange: 'shop' })).toMatchObject({
      exchange: 'shop',
      routingKey: 'order.created',
      mandatory: true,
    })
    expect(route({ exchange: 'shop', routingKey: '${headers.region}.${body.user}' }).routingKey).toBe('eu.u1')
    expect(route({ exchange: 'shop', routingKey: '${headers.level}' }).routingKey).toBe('3')
    expect(route({ queue: 'literal ${not.a.template}' })).toMatchObject({
      exchange: '',
      routingKey: 'literal ${not.a.template}',
    })
    expect(() => route({ exchange: 'shop', routingKey: '${headers}' })).toThrow(
      expect.objectContaining({ code: 'EXPRESSION_FAILED' }),
    )
  })

  it('is mandatory unless the unroutable may be let go', () => {
    expect(route({ exchange: 'e', mandatory: false }).mandatory).toBe(false)
    expect(route({ exchange: 'e', unroutable: 'discard' }).mandatory).toBe(false)
    expect(route({ exchange: 'e', unroutable: 'retry' }).mandatory).toBe(true)
  })

  it('is persistent unless message or sink say otherwise', () => {
    const mode = (options: object, deliveryMode?: number) =>
      route({ exchange: 'e', ...options }, message({ properties: deliveryMode === undefined ? {} : { deliveryMode } }))
        .properties.deliveryMode
    expect(mode({})).toBe(2)
    expect(mode({}, 1)).toBe(1)
    expect(mode({ persistent: true }, 1)).toBe(2)
    expect(mode({ persistent: false })).toBe(1)
    expect(mode({ persistent: '${headers.level > 2}' }, 1)).toBe(2)
  })

  it('takes properties, priority and expiration by template, and keeps the others', () => {
    const { properties } = route(
      {
        exchange: 'e',
        properties: { messageId: '${id}', type: '${headers.region}', timestamp: '${timestamp / 1000.0}' },
        priority: '${headers.level}',
        expiration: '10m',
      },
      message({ properties: { messageId: 'm', appId: 'shop', type: 'old' } }),
    )
    expect(properties).toEqual({
      messageId: 'm',
      appId: 'shop',
      type: 'eu',
      timestamp: 1_700_000_000n,
      priority: 3,
      expiration: '600000',
      deliveryMode: 2,
    })
  })

  it.each<[string, Partial<SinkOptions>]>([
    ['a priority that is none', { priority: '${headers.region}' }],
    ['a priority beyond an octet', { priority: 256 }],
    ['an expiration that is no time', { expiration: '${headers.region}' }],
    ['a timestamp that is none', { properties: { timestamp: '${headers.region}' } }],
  ])('with %s is refused alone', (_, options) => {
    expect(() => route({ exchange: 'e', ...options })).toThrow(expect.objectContaining({ code: 'MESSAGE_REFUSED' }))
  })

  it('carries the headers the sink adds, with the types of their values', () => {
    const { headers } = route({
      exchange: 'e',
      headers: { region: 'us', big: '${timestamp}', ok: true, n: '${headers.level}' },
    })
    expect(Object.fromEntries(headers)).toMatchObject({ region: 'us', big: 1_700_000_000_123n, ok: true, n: 3 })
  })

  it('that is larger than the sink takes is TOO_LARGE', () => {
    expect(() => route({ exchange: 'e', maxMessageSize: '10B' })).toThrow(
      expect.objectContaining({ code: 'TOO_LARGE' }),
    )
  })

  it('vouches for no user but ours', () => {
    const sent = message({ properties: { userId: 'other', appId: 'a' } })
    const foreign = new Routing({ exchange: 'e' }, user => user === 'sluice').publication(sent)
    expect(foreign.properties).toEqual({ appId: 'a', deliveryMode: 2 })
    expect(Object.fromEntries(foreign.headers)['sluice-user-id']).toBe('other')
    const own = new Routing({ exchange: 'e' }, user => user === 'other').publication(sent)
    expect(own.properties.userId).toBe('other')
    const set = new Routing({ exchange: 'e', properties: { userId: 'me' } }, () => false).publication(sent)
    expect(set.properties.userId).toBe('me')
    expect(Object.fromEntries(set.headers)['sluice-user-id']).toBe(undefined)
  })
})
