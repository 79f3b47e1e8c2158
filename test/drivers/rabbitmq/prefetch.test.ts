import { describe, expect, it } from 'vitest'
import { KINDS, message, publishAll, texts, Workbench } from './workbench.ts'

const KIB = 1024

describe.each(KINDS)('what is held on %s', kind => {
  it('is never more than inFlight', async () => {
    await using bench = await Workbench.open(kind)
    const queue = await bench.queue()
    await publishAll(await bench.sink({ queue }), texts(500))
    const receiver = await bench.receiver({ queue }, { inFlight: 70 })
    const held = [...(await receiver.until(70))]
    for (const delivery of held.slice(10, 20)) delivery.ack()
    await receiver.until(80)
    await new Promise(resolve => setTimeout(resolve, 300))
    expect(receiver.deliveries.length).toBe(80)
  })

  it('is never more than the prefetch that was asked for', async () => {
    await using bench = await Workbench.open(kind)
    const queue = await bench.queue()
    await publishAll(await bench.sink({ queue }), texts(50))
    const receiver = await bench.receiver({ queue, prefetch: 7 })
    await receiver.until(7)
    expect(await bench.ready(queue)).toBe(43)
  })

  it.each(['classic', 'quorum'])(
    'does not exceed the bytes by much, and loses neither message nor order (%s)',
    async type => {
      await using bench = await Workbench.open(kind)
      const queue = await bench.queue({ arguments: { 'x-queue-type': type } })
      const body = Buffer.alloc(64 * KIB, 'x')
      const count = 200
      const sink = await bench.sink({ queue })
      for (let i = 0; i < count; i++) {
        body.writeUInt32BE(i)
        await publishAll(sink, [message({ bytes: Buffer.from(body) })])
      }
      const limit = 1024 * KIB
      const receiver = await bench.receiver({ queue }, { inFlightBytes: limit })
      const seen: number[] = []
      let most = 0
      let next = 0
      while (seen.length < count) {
        await receiver.until(next + 1)
        const held = receiver.deliveries.filter(delivery => !delivery.expired).slice(seen.length)
        most = Math.max(
          most,
          receiver.deliveries.slice(next).reduce((sum, one) => sum + one.message.size, 0),
        )
        for (; next < receiver.deliveries.length; next++) {
          const delivery = receiver.deliveries[next]!
          if (delivery.expired) continue
          seen.push(delivery.message.bytes!.readUInt32BE())
          delivery.ack()
        }
        expect(held.length).toBeGreaterThanOrEqual(0)
      }
      expect(seen).toEqual(Array.from({ length: count }, (_, i) => i))
      expect(most).toBeLessThan(limit * 3)
      await receiver[Symbol.asyncDispose]()
      expect(await bench.ready(queue)).toBe(0)
    },
  )

  it('with nothing settled stops at the bytes, not at the count', async () => {
    await using bench = await Workbench.open(kind)
    const queue = await bench.queue()
    await publishAll(
      await bench.sink({ queue }),
      Array.from({ length: 100 }, () => message({ bytes: Buffer.alloc(64 * KIB) })),
    )
    const receiver = await bench.receiver({ queue }, { inFlightBytes: 640 * KIB })
    await receiver.until(1)
    await new Promise(resolve => setTimeout(resolve, 500))
    const held = receiver.deliveries.filter(delivery => !delivery.expired)
    expect(held.length).toBeGreaterThan(0)
    expect(held.length).toBeLessThanOrEqual(10)
    expect(receiver.error).toBe(undefined)
  })

  it('goes back in its order when the source is disposed of with acks just sent', async () => {
    for (const type of ['classic', 'quorum']) {
      await using bench = await Workbench.open(kind)
      const queue = await bench.queue({ arguments: { 'x-queue-type': type } })
      await publishAll(await bench.sink({ queue }), texts(30))
      const first = await bench.receiver({ queue }, { inFlight: 10 })
      for (const delivery of (await first.until(10)).slice(0, 5)) delivery.ack()
      await first[Symbol.asyncDispose]()
      const second = await bench.receiver({ queue })
      await second.until(25)
      expect(second.texts()).toEqual(
        texts(30)
          .slice(5)
          .map(one => String(one.bytes)),
      )
    }
  })
})
