import assert from 'node:assert/strict'
import type { Case } from '../case.ts'

const LIMIT = 10

export const inFlight: Case = {
  number: 11,
  title: 'never more than the in-flight limit outstanding',
  async run(lab) {
    const address = await lab.address()
    const sink = await lab.sink(address.sink)
    const sent = lab.messages(60)
    const receiver = await lab.sendTo(address, sink, sent, { inFlight: LIMIT })
    let settled = 0
    let most = 0
    receiver.onBatch = () => {
      most = Math.max(most, receiver.received.length - settled)
    }
    const pending = [...(await receiver.take(LIMIT))]
    await receiver.quiet(500)
    while (settled < sent.length) {
      // From the newest to the oldest: a limit that counts positions instead of messages would stall here.
      for (const delivery of pending.splice(0).reverse()) {
        settled++
        delivery.ack()
      }
      pending.push(...(await receiver.take(Math.min(LIMIT, sent.length - settled))))
    }
    assert(most <= LIMIT, `${most} deliveries were outstanding, the limit is ${LIMIT}`)
    const ids = new Set(receiver.received.map(({ message }) => message.id))
    assert.equal(ids.size, sent.length)
  },
}
