import { describe, expect, it } from 'vitest'
import { Headers } from '../../../src/core/headers.ts'
import { KINDS, message, publish, publishAll, texts, Workbench } from './workbench.ts'

describe.each(KINDS)('topology on %s', kind => {
  it.each([
    ['classic', {}],
    ['quorum', { 'x-delivery-limit': 5 }],
    ['stream', { 'x-max-age': '1h' }],
  ])('declares a %s queue with its arguments', async (type, args) => {
    await using bench = await Workbench.open(kind)
    const queue = bench.queueName()
    await bench.source({ queue, type, arguments: args })
    const seen = (await bench.management('GET', `/api/queues/%2F/${queue}`)) as Record<string, unknown>
    expect(seen).toMatchObject({ type, durable: true, arguments: { 'x-queue-type': type, ...args } })
  })

  it('takes an existing queue as it is when nothing is said about it', async () => {
    await using bench = await Workbench.open(kind)
    const queue = await bench.queue({ arguments: { 'x-queue-type': 'quorum', 'x-max-length': 10 } })
    await publishAll(await bench.sink({ queue }), texts(3))
    await (await bench.receiver({ queue })).until(3)
  })

  it('finds out that an existing queue is a stream', async () => {
    await using bench = await Workbench.open(kind)
    const queue = await bench.queue({ arguments: { 'x-queue-type': 'stream' } })
    await publishAll(await bench.sink({ queue }), texts(3))
    const deliveries = await (await bench.receiver({ queue })).until(3)
    expect(deliveries.map(({ message }) => message.source.position)).toEqual(['0', '1', '2'])
  })

  it('binds to topic, direct, fanout and headers exchanges, and declares what it is told to', async () => {
    await using bench = await Workbench.open(kind)
    const made = `${bench.name}.declared`
    const [topic, direct, fanout, headers] = await Promise.all(
      ['topic', 'direct', 'fanout', 'headers'].map(type => bench.exchange(type)),
    )
    const queue = bench.queueName()
    const receiver = await bench.receiver({
      queue,
      bind: [
        { exchange: topic, keys: ['a.#', 'b.*'] },
        { exchange: direct, keys: ['exact'] },
        { exchange: fanout },
        { exchange: headers, arguments: { 'x-match': 'all', region: 'eu', level: 3 } },
        { exchange: made, type: 'topic', keys: ['c'] },
      ],
    })
    const send = async (exchange: string, subject: string, fields = {}) =>
      (await publish(await bench.sink({ exchange }), [message({ subject, ...fields })]))[0]
    expect(await send(topic!, 'a.b.c')).toBe(null)
    expect(await send(topic!, 'b.c')).toBe(null)
    expect(await send(topic!, 'c')).toBe('UNROUTABLE')
    expect(await send(direct!, 'exact')).toBe(null)
    expect(await send(fanout!, 'whatever')).toBe(null)
    expect(await send(headers!, '', { headers: Headers.of({ region: 'eu', level: 3 }) })).toBe(null)
    expect(await send(headers!, '', { headers: Headers.of({ region: 'us', level: 3 }) })).toBe('UNROUTABLE')
    expect(await send(made, 'c')).toBe(null)
    await receiver.until(6)
    expect(receiver.deliveries.map(({ message }) => message.subject)).toEqual([
      'a.b.c',
      'b.c',
      'exact',
      'whatever',
      '',
      'c',
    ])
    await bench.raw.deleteExchange(made)
  })

  it('a missing exchange, a wrong type of exchange and a missing queue are told apart', async () => {
    await using bench = await Workbench.open(kind)
    const exchange = await bench.exchange('topic')
    const code = async (opening: Promise<unknown>) =>
      opening.then(
        () => 'opened',
        (error: { code: string }) => error.code,
      )
    expect(await code(bench.source({ queue: bench.queueName(), bind: [{ exchange: 'no.such' }] }))).toBe(
      'ADDRESS_MISSING',
    )
    expect(await code(bench.sink({ exchange: 'no.such' }))).toBe('ADDRESS_MISSING')
    expect(await code(bench.sink({ exchange, type: 'fanout' }))).toBe('ADDRESS_MISMATCH')
    expect(await code(bench.sink({ queue: 'no.such', passive: true }))).toBe('ADDRESS_MISSING')
    expect(await code(bench.sink({ exchange: `${bench.name}.odd`, type: 'x-no-such-type' }))).toBe('OPTIONS_INVALID')
  })

  it('two temporary queues each get all, and are gone afterwards', async () => {
    await using bench = await Workbench.open(kind)
    const exchange = await bench.exchange('fanout')
    const options = { bind: [{ exchange }] }
    const one = await bench.receiver(options)
    const two = await bench.receiver(options)
    await publishAll(await bench.sink({ exchange }), texts(100))
    await one.until(100)
    await two.until(100)
    const queue = one.deliveries[0]!.message.source.address
    await one[Symbol.asyncDispose]()
    await two[Symbol.asyncDispose]()
    await expect(bench.management('GET', `/api/queues/%2F/${queue}`)).rejects.toThrow(/404/)
    expect(await publish(await bench.sink({ exchange }), texts(1))).toEqual(['UNROUTABLE'])
  })

  it('an exclusive queue is in use for everybody else', async () => {
    await using bench = await Workbench.open(kind)
    const queue = bench.queueName()
    await bench.receiver({ queue, exclusive: true, durable: false })
    await using other = await Workbench.open(kind)
    await expect(other.source({ queue })).rejects.toMatchObject({ code: 'ADDRESS_IN_USE' })
  })

  it('consumers of higher priority are served first', async () => {
    await using bench = await Workbench.open(kind)
    const queue = await bench.queue()
    const low = await bench.receiver({ queue, priority: 1 })
    const high = await bench.receiver({ queue, priority: 10 })
    await bench.sink({ queue }).then(sink => publishAll(sink, texts(20)))
    await high.until(20)
    expect(low.deliveries).toEqual([])
  })

  it('a single active consumer has a stand-by that takes over in order', async () => {
    await using bench = await Workbench.open(kind)
    const queue = bench.queueName()
    const options = { queue, type: 'quorum', singleActiveConsumer: true }
    const active = await bench.receiver(options, { inFlight: 10 })
    const standby = await bench.receiver(options)
    await publishAll(await bench.sink({ queue }), texts(30))
    for (const delivery of (await active.until(10)).slice(0, 5)) delivery.ack()
    expect(standby.deliveries).toEqual([])
    await active[Symbol.asyncDispose]()
    await standby.until(25)
    expect(standby.texts()).toEqual(
      texts(30)
        .slice(5)
        .map(one => String(one.bytes)),
    )
  })

  it('lag is what waits in the queue', async () => {
    await using bench = await Workbench.open(kind)
    const queue = await bench.queue()
    await publishAll(await bench.sink({ queue }), texts(50))
    const source = await bench.source({ queue })
    expect(await source.lag!(bench.signal)).toBe(50)
  })
})
