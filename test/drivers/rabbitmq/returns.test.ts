import { describe, expect, it } from 'vitest'
import { Headers } from '../../../src/core/headers.ts'
import { KINDS, message, publish, Workbench } from './workbench.ts'

describe.each(KINDS)('unroutable messages on %s', kind => {
  it('each return finds its own message among a thousand', async () => {
    await using bench = await Workbench.open(kind)
    const exchange = await bench.exchange('topic')
    const queue = await bench.queue()
    await bench.raw.bindQueue(queue, exchange, 'bound.#')
    const sink = await bench.sink({ exchange, routingKey: '${subject}' })
    const lost = (i: number) => i % 3 === 0 || i % 7 === 0
    const messages = Array.from({ length: 1000 }, (_, i) =>
      message({ subject: `${lost(i) ? 'free' : 'bound'}.a`, bytes: Buffer.from(`body ${i % 10}`) }),
    )
    expect(await publish(sink, messages)).toEqual(messages.map((_, i) => (lost(i) ? 'UNROUTABLE' : null)))
    expect(await bench.ready(queue)).toBe(messages.filter((_, i) => !lost(i)).length)
  })

  it('messages that differ in one header only, where headers decide', async () => {
    await using bench = await Workbench.open(kind)
    const exchange = await bench.exchange('headers')
    const queue = await bench.queue()
    await bench.raw.bindQueue(queue, exchange, '', { 'x-match': 'all', region: 'eu' })
    const sink = await bench.sink({ exchange })
    const messages = Array.from({ length: 1000 }, (_, i) =>
      message({ headers: Headers.of({ region: i % 2 === 0 ? 'eu' : 'us', deep: { a: [1n, null] } }) }),
    )
    expect(await publish(sink, messages)).toEqual(messages.map((_, i) => (i % 2 === 0 ? null : 'UNROUTABLE')))
  })

  it('messages equal in every byte, while the binding comes and goes: as many results as returns', async () => {
    await using bench = await Workbench.open(kind)
    const exchange = await bench.exchange('fanout')
    const queue = await bench.queue()
    const sink = await bench.sink({ exchange })
    const same = Array.from({ length: 200 }, () => message())
    let stored = 0
    for (let round = 0; round < 6; round++) {
      if (round % 2 === 0) await bench.raw.bindQueue(queue, exchange, '')
      const publishing = Promise.all([publish(sink, same), publish(sink, same)])
      await bench.raw.unbindQueue(queue, exchange, '')
      for (const results of await publishing) stored += results.filter(result => result === null).length
    }
    expect(await bench.ready(queue)).toBe(stored)
    expect(stored).toBeLessThan(2400)
  })

  it('a message with CC, which the broker rewrites', async () => {
    await using bench = await Workbench.open(kind)
    const exchange = await bench.exchange('direct')
    const sink = await bench.sink({ exchange })
    const headers = Headers.of({ CC: ['nowhere'], BCC: ['nobody'] })
    expect(await publish(sink, [message({ headers }), message({ headers, bytes: null })])).toEqual([
      'UNROUTABLE',
      'UNROUTABLE',
    ])
  })

  it('are tried again, or let go, where the sink says so', async () => {
    await using bench = await Workbench.open(kind)
    const exchange = await bench.exchange('direct')
    const again = await bench.sink({ exchange, unroutable: 'retry' })
    expect(await publish(again, [message()])).toEqual(['UNROUTABLE_RETRY'])
    for (const options of [{ unroutable: 'discard' }, { mandatory: false }])
      expect(await publish(await bench.sink({ exchange, ...options }), [message()])).toEqual([null])
  })

  it('bodies of no byte and of several frames come back whole', async () => {
    await using bench = await Workbench.open(kind)
    const exchange = await bench.exchange('direct')
    const sink = await bench.sink({ exchange })
    const sizes = [0, 1, 131_064, 131_065, 500_000]
    const messages = sizes.map(size => message({ bytes: Buffer.alloc(size, 'x') }))
    expect(await publish(sink, messages)).toEqual(sizes.map(() => 'UNROUTABLE'))
  })
})
