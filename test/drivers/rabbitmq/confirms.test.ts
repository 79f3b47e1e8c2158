import { describe, expect, it } from 'vitest'
import { given } from '../../brokers/given.ts'
import { proxyFor } from '../../brokers/proxy.ts'
import { KINDS, message, publish, publishAll, texts, Workbench } from './workbench.ts'

describe.each(KINDS)('confirms on %s', kind => {
  it('a refused message is NACKED, the others are confirmed', async () => {
    await using bench = await Workbench.open(kind)
    const queue = await bench.queue({ arguments: { 'x-max-length': 5, 'x-overflow': 'reject-publish' } })
    const sink = await bench.sink({ queue })
    const results: (string | null)[] = []
    for (const one of texts(20)) results.push(...(await publish(sink, [one])))
    expect(results.slice(0, 5)).toEqual([null, null, null, null, null])
    expect(results.at(-1)).toBe('NACKED')
    expect(await bench.ready(queue)).toBe(results.filter(result => result === null).length)
  })

  it('an exchange deleted under the sink is ADDRESS_MISSING, and works again once it exists', async () => {
    await using bench = await Workbench.open(kind)
    const exchange = await bench.exchange('fanout')
    const queue = await bench.queue()
    const sink = await bench.sink({ exchange, passive: true })
    await bench.raw.deleteExchange(exchange)
    expect(await publish(sink, texts(10))).toEqual(texts(10).map(() => 'ADDRESS_MISSING'))
    expect(await publish(sink, texts(1))).toEqual(['ADDRESS_MISSING'])
    await bench.raw.assertExchange(exchange, 'fanout')
    await bench.raw.bindQueue(queue, exchange, '')
    await publishAll(sink, texts(10))
  })

  it('a queue deleted under the sink is declared again at the next opening', async () => {
    await using bench = await Workbench.open(kind)
    const queue = bench.queueName()
    const sink = await bench.sink({ queue })
    await bench.raw.deleteQueue(queue)
    expect(await publish(sink, texts(1))).toEqual(['ADDRESS_MISSING'])
    await bench.forceClose('publish')
    const results = await publish(sink, texts(3))
    if (results.includes('CONNECTION_LOST')) await publishAll(sink, texts(3))
    expect(await bench.ready(queue)).toBe(3)
  })

  it('a broker that is silent gives TIMED_OUT, and nothing is left hanging or taken for another', async () => {
    await using proxy = await proxyFor(given(kind))
    await using bench = await Workbench.open(kind, { url: proxy.url })
    const queue = await bench.queue()
    const sink = await bench.sink({ queue, publishTimeout: '500ms' })
    await publishAll(sink, texts(10))
    proxy.stall()
    const silent = await publish(sink, texts(10))
    expect(new Set(silent)).toEqual(new Set(['TIMED_OUT']))
    proxy.resume()
    await publishAll(sink, texts(10))
  })

  it('a connection cut with messages on their way gives each a result, and the next publish works', async () => {
    await using proxy = await proxyFor(given(kind))
    await using bench = await Workbench.open(kind, { url: proxy.url })
    const queue = await bench.queue()
    const sink = await bench.sink({ queue })
    await publishAll(sink, texts(1))
    proxy.stall()
    const cut = Promise.all([publish(sink, texts(100)), publish(sink, texts(100))])
    await proxy.cut()
    for (const results of await cut) expect(new Set(results)).toEqual(new Set(['CONNECTION_LOST']))
    expect(await publish(sink, texts(2))).toEqual(['CONNECT_FAILED', 'CONNECT_FAILED'])
    proxy.resume()
    await proxy.restore()
    await publishAll(sink, texts(100))
  })

  it('more messages than may be unconfirmed flow all the same, in order', async () => {
    await using bench = await Workbench.open(kind)
    const queue = await bench.queue()
    const sink = await bench.sink({ queue, maxUnconfirmed: 7 })
    await publishAll(sink, texts(500))
    const receiver = await bench.receiver({ queue })
    await receiver.until(500)
    expect(receiver.texts()).toEqual(texts(500).map(one => String(one.bytes)))
  })

  it('bodies of many megabytes flow without the socket choking', async () => {
    await using bench = await Workbench.open(kind)
    const queue = await bench.queue()
    const sink = await bench.sink({ queue })
    const large = Array.from({ length: 12 }, (_, i) => message({ bytes: Buffer.alloc(8 * 2 ** 20, i) }))
    await publishAll(sink, large)
    const receiver = await bench.receiver({ queue }, { inFlight: 12, inFlightBytes: 2 ** 30 })
    for (const [i, { message: got }] of (await receiver.until(12)).entries())
      expect(got.bytes!.equals(large[i]!.bytes!)).toBe(true)
  })

  it('an aborted publish answers at once', async () => {
    await using proxy = await proxyFor(given(kind))
    await using bench = await Workbench.open(kind, { url: proxy.url })
    const sink = await bench.sink({ queue: await bench.queue() })
    proxy.stall()
    const abort = new AbortController()
    const publishing = sink.publish(texts(3), abort.signal)
    abort.abort()
    expect((await publishing).map(result => result?.code)).toEqual(['ABORTED', 'ABORTED', 'ABORTED'])
  })
})
