import { describe, expect, it } from 'vitest'
import { Typed } from '../../../src/core/header-value.ts'
import { Headers } from '../../../src/core/headers.ts'
import { KINDS, message, publish, publishAll, texts, Workbench } from './workbench.ts'

const MIB = 2 ** 20

describe.each(KINDS)('one bad message harms no other on %s', kind => {
  it('headers too large for a frame, a long name, a long routing key, a long property', async () => {
    await using bench = await Workbench.open(kind)
    const exchange = await bench.exchange('fanout')
    const queue = await bench.queue()
    await bench.raw.bindQueue(queue, exchange, '')
    const sink = await bench.sink({ exchange })
    const bad = [
      message({ headers: Headers.of({ big: 'x'.repeat(140_000) }) }),
      message({ headers: Headers.of({ ['n'.repeat(100_000)]: 1 }) }),
      message({ subject: 'k'.repeat(256) }),
      message({ properties: { messageId: 'i'.repeat(256) } }),
      message({ headers: Headers.of({ wide: 2n ** 64n }) }),
    ]
    const mixed = bad.flatMap(one => [message(), one])
    expect(await publish(sink, mixed)).toEqual(bad.flatMap(() => [null, 'HEADERS_INVALID']))
    expect(await bench.ready(queue)).toBe(bad.length)
  })

  it('headers that just fit a frame are carried', async () => {
    await using bench = await Workbench.open(kind)
    const queue = await bench.queue()
    const sink = await bench.sink({ queue })
    const fitting = Headers.of({ big: 'x'.repeat(130_900) })
    await publishAll(sink, [message({ headers: fitting })])
    const [delivery] = await (await bench.receiver({ queue })).until(1)
    expect(delivery!.message.headers.entries).toEqual(fitting.entries)
  })

  it('an expiration, a priority or a delivery mode that RabbitMQ closes channels over', async () => {
    await using bench = await Workbench.open(kind)
    const queue = await bench.queue()
    const sink = await bench.sink({ queue })
    const bad = [
      message({ properties: { expiration: 'soon' } }),
      message({ properties: { expiration: '-1' } }),
      message({ properties: { expiration: '4294967296' } }),
      message({ properties: { deliveryMode: 3 } }),
    ]
    const results = await publish(sink, [...bad, message(), message({ properties: { priority: 256 } }), message()])
    expect(results).toEqual([...bad.map(() => 'MESSAGE_REFUSED'), null, 'HEADERS_INVALID', null])
  })

  it('a user id that is not ours costs the channel where the sink insists on it', async () => {
    await using bench = await Workbench.open(kind)
    const queue = await bench.queue()
    const sink = await bench.sink({ queue, properties: { userId: '${headers.user}' } })
    const messages = Array.from({ length: 52 }, (_, i) =>
      message({ headers: Headers.of({ user: i === 20 ? 'somebody-else' : 'guest' }) }),
    )
    expect(await publish(sink, messages)).toEqual(messages.map((_, i) => (i === 20 ? 'MESSAGE_REFUSED' : null)))
    expect(await bench.ready(queue)).toBeGreaterThanOrEqual(51)
    await publishAll(sink, messages.slice(0, 3))
  })

  it('a user id that the message brought is carried whoever we are', async () => {
    await using bench = await Workbench.open(kind)
    const queue = await bench.queue()
    const users = ['somebody-else', 'guest']
    await publishAll(
      await bench.sink({ queue }),
      users.map(userId => message({ properties: { userId } })),
    )
    const deliveries = await (await bench.receiver({ queue })).until(2)
    expect(deliveries.map(({ message }) => message.properties.userId)).toEqual(users)
  })

  it('a body larger than the sink takes is refused before it is sent', async () => {
    await using bench = await Workbench.open(kind)
    const queue = await bench.queue()
    const sink = await bench.sink({ queue, maxMessageSize: '1MiB' })
    const results = await publish(sink, [
      message({ bytes: Buffer.alloc(MIB) }),
      message({ bytes: Buffer.alloc(MIB + 1) }),
      message(),
    ])
    expect(results).toEqual([null, 'TOO_LARGE', null])
  })

  it('a CC header that is no list, which costs the channel', async () => {
    await using bench = await Workbench.open(kind)
    const queue = await bench.queue()
    const sink = await bench.sink({ queue })
    const messages = [message(), message({ headers: Headers.of({ CC: 7 }) }), message()]
    expect(await publish(sink, messages)).toEqual([null, 'MESSAGE_REFUSED', null])
  })
})

describe('what only one version does', () => {
  it('a body larger than the broker takes (4.0) is TOO_LARGE, though the sink would', async () => {
    await using bench = await Workbench.open('rabbitmq4')
    const queue = await bench.queue()
    const sink = await bench.sink({ queue, maxMessageSize: '32MiB' })
    const messages = [message(), message({ bytes: Buffer.alloc(17 * MIB) }), message()]
    expect(await publish(sink, messages)).toEqual([null, 'TOO_LARGE', null])
  })

  it.each(KINDS)('a decimal header into a stream crashes the channel on %s', async kind => {
    await using bench = await Workbench.open(kind)
    const queue = bench.queueName()
    const sink = await bench.sink({ queue, type: 'stream' })
    const decimal = Headers.of({ price: new Typed('decimal', { places: 2, digits: 314 }) })
    const other = await bench.sink({ queue })
    const both = await Promise.all([
      publish(sink, [message(), message({ headers: decimal }), message()]),
      publish(other, texts(20)),
    ])
    expect(both[0]).toEqual([null, 'MESSAGE_REFUSED', null])
    expect(both[1]).toEqual(texts(20).map(() => null))
  })
})
