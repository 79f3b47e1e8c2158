import assert from 'node:assert/strict'
import type { Case } from '../case.ts'

export const abort: Case = {
  number: 12,
  title: 'abort ends `receive` at once; handed-out deliveries can still be acked',
  async run(lab) {
    const address = await lab.address()
    const sink = await lab.sink(address.sink)
    const sent = lab.messages(5, { key: 'k' })
    const receiver = await lab.sendTo(address, sink, sent)
    const [one, two, three] = await receiver.take(5)
    await receiver.stop(1_000)
    one!.ack()
    two!.ack()
    assert(!three!.expired, 'a delivery stays settleable until its source is disposed of')
    await receiver[Symbol.asyncDispose]()
    const last = lab.message({ key: 'k' })
    const again = await lab.sendTo(address, sink, [last])
    const got = (await again.takeUntil(last.id)).map(({ message }) => message.id)
    assert.deepEqual(
      got,
      [...(lab.features.durable ? sent.slice(2) : []), last].map(message => message.id),
    )
    for (const delivery of again.received) delivery.ack()
    await again.stop(1_000)
  },
}
