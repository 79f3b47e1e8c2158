import assert from 'node:assert/strict'
import type { Case } from '../case.ts'

export const ackDeadline: Case = {
  number: 17,
  title: "idle for longer than the broker's ack deadline while a message is held: not redelivered",
  timeoutMs: testbed => 180_000 + 2 * (testbed.ackDeadlineMs ?? 0),
  unasked: (_, testbed) => (testbed.ackDeadlineMs === undefined ? 'the broker has no ack deadline' : undefined),
  async run(lab) {
    const address = await lab.address()
    const sink = await lab.sink(address.sink)
    const receiver = await lab.receiver(address)
    await lab.publish(sink, [lab.message({ key: 'k' })])
    const [held] = await receiver.take(1)
    await receiver.quiet(lab.testbed.ackDeadlineMs! * 1.5)
    assert(!held!.expired, 'the held message can still be settled')
    held!.ack()
    await receiver[Symbol.asyncDispose]()
    const last = lab.message({ key: 'k' })
    await lab.publish(sink, [last])
    const again = await lab.receiver(address)
    const got = (await again.takeUntil(last.id)).map(({ message }) => message.id)
    assert.deepEqual(got, [last.id], 'the held message was acked and does not come again')
  },
}
