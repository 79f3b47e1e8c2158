import { describe, expect, it } from 'vitest'
import type { SluiceError } from '../../../src/core/errors.ts'
import { KINDS, publishAll, texts, Workbench } from './workbench.ts'

describe.each(KINDS)('a message held for too long on %s', kind => {
  it('is told, then all goes back in order before the broker takes it', async () => {
    await using bench = await Workbench.open(kind)
    const queue = await bench.queue({ arguments: { 'x-queue-type': 'quorum' } })
    await publishAll(await bench.sink({ queue }), texts(20))
    const options = { queue, consumerTimeout: '6s' }
    const receiver = await bench.receiver(options)
    const held = [...(await receiver.until(20))]
    for (const delivery of held.slice(5, 8)) delivery.ack()
    const from = performance.now()
    const error = (await receiver.ended()) as SluiceError
    expect(error).toMatchObject({ code: 'CHANNEL_LOST', fate: 'retry' })
    expect(error.message).toContain(queue)
    expect(performance.now() - from).toBeLessThan(6_000)
    expect(bench.statuses).toContainEqual({ state: 'waiting', reason: expect.stringContaining('has been held') })
    expect(held[0]!.expired).toBe(true)
    const again = await bench.receiver(options)
    await again.until(17)
    const left = texts(20).map(one => String(one.bytes))
    left.splice(5, 3)
    expect(again.texts()).toEqual(left)
  })

  it('does not trouble a source whose messages come and go', async () => {
    await using bench = await Workbench.open(kind)
    const queue = await bench.queue()
    const sink = await bench.sink({ queue })
    const receiver = await bench.receiver({ queue, consumerTimeout: '1s' })
    const until = performance.now() + 2500
    let count = 0
    while (performance.now() < until) {
      await publishAll(sink, texts(5))
      count += 5
      for (const delivery of (await receiver.until(count)).slice(-5)) delivery.ack()
    }
    expect(receiver.error).toBe(undefined)
    expect(bench.statuses).toEqual([])
  })
})
