import assert from 'node:assert/strict'
import type { Case } from '../case.ts'

const DELAY_MS = 700
// Timers and clocks of two machines may differ by this much.
const SLACK_MS = 20

export const release: Case = {
  number: 10,
  title: '`release(delay)` ⇒ again, not earlier',
  async run(lab) {
    const address = await lab.address()
    const sink = await lab.sink(address.sink)
    const sent = lab.messages(3, { key: 'k' })
    const receiver = await lab.sendTo(address, sink, sent)
    const [one, two, three] = await receiver.take(3)
    one!.ack()
    three!.ack()
    const released = performance.now()
    two!.release(DELAY_MS)
    const [again] = await receiver.take(1)
    const waited = performance.now() - released
    assert.equal(again!.message.id, sent[1]!.id)
    assert(waited >= DELAY_MS - SLACK_MS, `it came again after ${Math.round(waited)} ms, not ${DELAY_MS}`)
    if (lab.features.countsAttempts) assert.equal(again!.message.source.attempt, 2)
    again!.release()
    const [third] = await receiver.take(1)
    assert.equal(third!.message.id, sent[1]!.id, 'released without a delay it comes again')
    third!.ack()
    await receiver[Symbol.asyncDispose]()
    const last = lab.message({ key: 'k' })
    const got = await (await lab.sendTo(address, sink, [last])).takeUntil(last.id)
    assert.equal(got.length, 1, 'once acked it does not come again')
  },
}
