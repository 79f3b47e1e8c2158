import { describe, expect, it } from 'vitest'
import type { SluiceError } from '../../../src/core/errors.ts'
import { given } from '../../brokers/given.ts'
import { proxyFor } from '../../brokers/proxy.ts'
import { eventually, KINDS, publishAll, texts, Workbench } from './workbench.ts'

const codeOf = (error: unknown) => (error as SluiceError | undefined)?.code

describe.each(KINDS)('a session on %s', kind => {
  it.each(['classic', 'quorum'] as const)('closed by an operator: what was held comes again (%s)', async type => {
    await using bench = await Workbench.open(kind)
    const queue = await bench.queue({ arguments: { 'x-queue-type': type } })
    await publishAll(await bench.sink({ queue }), texts(100))
    const first = await bench.receiver({ queue })
    const held = [...(await first.until(100))]
    for (const delivery of held.slice(0, 40)) delivery.ack()
    await eventually(async () => ((await bench.ready(queue)) === 0 ? true : undefined))
    await new Promise(resolve => setTimeout(resolve, 50)) // acks are on their way within milliseconds
    await bench.forceClose('consume')
    expect(codeOf(await first.ended())).toBe('CONNECTION_LOST')
    expect(held.every(delivery => delivery.expired)).toBe(true)
    // Fenced: the tags of the old channel mean nothing on the new one.
    for (const delivery of held.slice(40)) delivery.ack()
    const second = await bench.receiver({ queue })
    for (const delivery of held) delivery.ack()
    const again = await second.until(60)
    expect(second.texts()).toEqual(
      texts(100)
        .slice(40)
        .map(one => String(one.bytes)),
    )
    expect(again.every(({ message }) => message.source.attempt === 2)).toBe(true)
    for (const delivery of again) delivery.ack()
    await second[Symbol.asyncDispose]()
    expect(await bench.ready(queue)).toBe(0)
  })

  it('whose queue is deleted says so, and the next one declares it again', async () => {
    await using bench = await Workbench.open(kind)
    const queue = bench.queueName()
    const exchange = await bench.exchange('topic')
    const options = { queue, bind: [{ exchange, keys: ['a.#'] }] }
    const first = await bench.receiver(options)
    await publishAll(await bench.sink({ exchange, routingKey: 'a.b' }), texts(1))
    await first.until(1)
    await bench.raw.deleteQueue(queue)
    const error = (await first.ended()) as SluiceError
    expect(error.code).toBe('CHANNEL_LOST')
    expect(error.message).toContain(queue)
    const second = await bench.receiver(options)
    await publishAll(await bench.sink({ exchange, routingKey: 'a.b' }), texts(1))
    await second.until(1)
  })

  it('cut off ends, and its connection opens again when the way is free', async () => {
    await using proxy = await proxyFor(given(kind))
    await using bench = await Workbench.open(kind, { url: proxy.url })
    const queue = await bench.queue()
    const first = await bench.receiver({ queue })
    await proxy.cut()
    expect(codeOf(await first.ended())).toBe('CONNECTION_LOST')
    await expect(bench.source({ queue })).rejects.toMatchObject({ code: 'CONNECT_FAILED' })
    await proxy.restore()
    const second = await bench.receiver({ queue })
    await publishAll(await bench.sink({ queue }), texts(1))
    await second.until(1)
  })

  it.each(['classic', 'quorum'] as const)(
    'cut off and back at once gets first what the last one held (%s)',
    async type => {
      await using proxy = await proxyFor(given(kind))
      await using bench = await Workbench.open(kind, { url: proxy.url })
      const queue = await bench.queue({ arguments: { 'x-queue-type': type } })
      const all = texts(3000)
      await publishAll(await bench.sink({ queue }), all)
      let settled = 0
      for (let round = 0; round < 5; round++) {
        const receiver = await bench.receiver({ queue })
        const deliveries = await receiver.until(900)
        const first = Number(receiver.texts()[0])
        // Acks may have been cut off with the connection, so some come twice; but none is left out or overtaken.
        expect(first).toBeLessThanOrEqual(settled)
        expect(receiver.texts().slice(0, 900)).toEqual(all.slice(first, first + 900).map(one => String(one.bytes)))
        for (const delivery of deliveries.slice(0, 300)) delivery.ack()
        settled = first + 300
        await proxy.cut()
        await proxy.restore()
        await receiver.ended()
      }
    },
  )

  it('whose broker falls silent ends by the heartbeat', async () => {
    await using proxy = await proxyFor(given(kind))
    await using bench = await Workbench.open(kind, { url: proxy.url, heartbeat: '1s' })
    const receiver = await bench.receiver({ queue: await bench.queue() })
    proxy.stall()
    const error = (await receiver.ended()) as SluiceError
    expect(error).toMatchObject({ code: 'CONNECTION_LOST' })
    expect(error.message).toMatch(/heartbeat/i)
    proxy.resume()
  })

  it('check() finds a dead connection out and opens another', async () => {
    await using proxy = await proxyFor(given(kind))
    await using bench = await Workbench.open(kind, { url: proxy.url, connectTimeout: '500ms' })
    const sink = await bench.sink({ queue: await bench.queue() })
    proxy.stall()
    await expect(bench.connection.check(bench.signal)).rejects.toMatchObject({ code: 'TIMED_OUT' })
    await expect(bench.connection.check(bench.signal)).rejects.toMatchObject({ code: 'TIMED_OUT' })
    proxy.resume()
    await bench.connection.check(bench.signal)
    await publishAll(sink, texts(1))
  })

  it('on one queue goes on when that of another queue is refused', async () => {
    await using bench = await Workbench.open(kind)
    const queue = await bench.queue()
    const good = await bench.receiver({ queue })
    await expect(bench.source({ queue: 'no.such.queue', passive: true })).rejects.toMatchObject({
      code: 'ADDRESS_MISSING',
    })
    await expect(bench.source({ queue, durable: false })).rejects.toMatchObject({ code: 'ADDRESS_MISMATCH' })
    await publishAll(await bench.sink({ queue }), texts(3))
    await good.until(3)
  })
})
