import { connect } from 'amqplib'
import { describe, expect, it } from 'vitest'
import { eventually, KINDS, publishAll, texts, Workbench } from './workbench.ts'

const bodies = (from: number, to: number) =>
  texts(to)
    .slice(from)
    .map(one => String(one.bytes))

describe.each(KINDS)('a session after a lost one on %s', kind => {
  it.each(['classic', 'quorum'] as const)('begins when the broker has let go of what was held (%s)', async type => {
    await using bench = await Workbench.open(kind)
    const queue = await bench.queue({ arguments: { 'x-queue-type': type } })
    await publishAll(await bench.sink({ queue }), texts(20))
    const lost = await bench.receiver({ queue }, { inFlight: 10 })
    await lost.until(10)
    // Stands for the lost session that the broker has not noticed yet.
    const ghost = await connect(bench.info.url)
    const channel = await ghost.createChannel()
    await channel.prefetch(10)
    const held: unknown[] = []
    await channel.consume(queue, message => void held.push(message))
    await eventually(async () => (held.length === 10 ? true : undefined))
    await bench.forceClose('consume')
    await lost.ended()

    const next = await bench.receiver({ queue })
    await eventually(async () => bench.statuses.find(({ state }) => state === 'waiting'))
    expect(next.deliveries).toEqual([])
    await ghost.close()
    await next.until(20)
    expect(next.texts().toSorted((a, b) => Number(a) - Number(b))).toEqual(bodies(0, 20))
    expect(bench.statuses.at(-1)).toEqual({ state: 'ok', reason: undefined })
  })

  it('does not wait for other gateways', async () => {
    await using bench = await Workbench.open(kind)
    const queue = await bench.queue()
    await using other = await Workbench.open(kind)
    await other.receiver({ queue })
    const first = await bench.receiver({ queue })
    const sink = await bench.sink({ queue })
    await publishAll(sink, texts(1))
    await eventually(async () => {
      if (first.deliveries.length === 0) await publishAll(sink, texts(1))
      return first.deliveries.length > 0 ? true : undefined
    })
    await first[Symbol.asyncDispose]()
    const second = await bench.receiver({ queue })
    await eventually(async () => {
      await publishAll(sink, texts(1))
      return second.deliveries.length > 0 ? true : undefined
    })
    expect(bench.statuses).toEqual([])
  })
})
