import assert from 'node:assert/strict'
import { SluiceError } from '../../../src/core/errors.ts'
import type { Case } from '../case.ts'

export const calm: Case = {
  number: 13,
  title: 'settle twice, dispose twice, dispose while receiving and publishing: calm',
  async run(lab) {
    const address = await lab.address()
    const sink = await lab.sink(address.sink)
    const receiver = await lab.sendTo(address, sink, lab.messages(2, { key: 'k' }))
    const [one, two] = await receiver.take(2)
    for (const delivery of [one!, two!]) {
      delivery.ack()
      delivery.ack()
      delivery.release()
    }
    const publishing = Array.from({ length: 4 }, () => sink.publish(lab.messages(50), lab.signal))
    await Promise.all([
      receiver.source[Symbol.asyncDispose](),
      receiver.source[Symbol.asyncDispose](),
      sink[Symbol.asyncDispose](),
      sink[Symbol.asyncDispose](),
    ])
    await receiver.reading
    const { failure } = receiver
    assert(
      failure === undefined,
      `a receive whose source is disposed of ends without an error, not with ${failure?.error}`,
    )
    for (const results of await Promise.all(publishing)) {
      assert.equal(results.length, 50)
      for (const result of results) assert(result === null || result instanceof SluiceError)
    }
    one!.ack()
    two!.release()
    await lab.connection[Symbol.asyncDispose]()
    await lab.connection[Symbol.asyncDispose]()
    await noneOfThem(lab, address, [one!.message.id, two!.message.id])
  },
}

async function noneOfThem(
  lab: Parameters<Case['run']>[0],
  address: Awaited<ReturnType<typeof lab.address>>,
  ids: readonly string[],
) {
  const connection = lab.connect()
  const last = lab.message({ key: 'k' })
  const receiver = await lab.sendTo(address, await lab.sink(address.sink, connection), [last], { connection })
  const got = await receiver.takeUntil(last.id)
  for (const { message } of got)
    assert(!ids.includes(message.id), `${message.id} was acked first, so it must not come again`)
}
