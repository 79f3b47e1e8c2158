import assert from 'node:assert/strict'
import type { Case } from '../case.ts'

export const unsettled: Case = {
  number: 8,
  title: 'unsettled at close ⇒ delivered again, `attempt` or position tells',
  async run(lab) {
    const address = await lab.address()
    const sink = await lab.sink(address.sink)
    const sent = lab.messages(3, { key: 'k' })
    await lab.publish(sink, sent)
    const first = await lab.receiver(address)
    const before = await first.take(3)
    for (const { message } of before) assert.equal(message.source.attempt, 1, 'the first delivery is attempt 1')
    await first[Symbol.asyncDispose]()
    assert(
      before.every(delivery => delivery.expired),
      'what was not settled at close is expired',
    )
    const again = await lab.receiver(address)
    const after = await again.take(3)
    assert.deepEqual(
      after.map(({ message }) => message.id),
      sent.map(message => message.id),
    )
    after.forEach(({ message }, i) => {
      const { attempt, identity } = message.source
      const same = identity !== undefined && identity === before[i]!.message.source.identity
      if (lab.features.countsAttempts) assert.equal(attempt, 2, 'the second delivery is attempt 2')
      else assert(same || attempt > 1, `neither attempt (${attempt}) nor identity (${identity}) tells of a redelivery`)
    })
  },
}
