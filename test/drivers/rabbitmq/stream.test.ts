import { describe, expect, it } from 'vitest'
import { KINDS, publishAll, texts, Workbench } from './workbench.ts'

const bodies = (from: number, to: number) =>
  texts(to)
    .slice(from)
    .map(one => String(one.bytes))

describe.each(KINDS)('a stream on %s', kind => {
  it('begins where it is told', async () => {
    await using bench = await Workbench.open(kind)
    const queue = bench.queueName()
    const sink = await bench.sink({ queue, type: 'stream' })
    await publishAll(sink, texts(20))
    const first = await bench.receiver({ queue, type: 'stream' })
    const offset = await bench.receiver({ queue, type: 'stream', offset: 15 })
    await first.until(20)
    await offset.until(5)
    expect(first.texts()).toEqual(bodies(0, 20))
    expect(offset.texts()).toEqual(bodies(15, 20))
    expect(first.deliveries.map(({ message }) => message.id)).toEqual(
      offset.deliveries.length === 5 ? Array.from({ length: 20 }, (_, i) => `${bench.name}/${queue}/${i}`) : [],
    )
  })

  it('goes on after the last one settled without a gap', async () => {
    await using bench = await Workbench.open(kind)
    const queue = bench.queueName()
    await publishAll(await bench.sink({ queue, type: 'stream' }), texts(20))
    const options = { queue, type: 'stream' }
    const one = await bench.receiver(options)
    for (const delivery of (await one.until(20)).slice(0, 12))
      if (String(delivery.message.bytes) !== '8') delivery.ack()
    await one[Symbol.asyncDispose]()
    const two = await bench.receiver(options)
    await two.until(12)
    expect(two.texts()).toEqual(bodies(8, 20))
    for (const delivery of two.deliveries) delivery.ack()
    await bench.forceClose('consume')
    await two.ended()
    const three = await bench.receiver(options)
    await publishAll(await bench.sink(options), texts(1, 'new '))
    await three.until(1)
    expect(three.texts().at(-1)).toBe('new 0')
  })

  it('delivers again what was released, though the broker knows no requeue', async () => {
    await using bench = await Workbench.open(kind)
    const queue = bench.queueName()
    await publishAll(await bench.sink({ queue, type: 'stream' }), texts(3))
    const receiver = await bench.receiver({ queue, type: 'stream' })
    const [first] = await receiver.until(3)
    first!.release(200)
    const before = performance.now()
    const again = (await receiver.until(4))[3]!
    expect(performance.now() - before).toBeGreaterThan(150)
    expect(again.message).toBe(first!.message)
  })
})
