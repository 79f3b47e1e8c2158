import assert from 'node:assert/strict'
import type { Case } from '../case.ts'

export const checkpoint: Case = {
  number: 9,
  title: 'acked A B D, not C E; reopened: C, E (each) or C, D, E (from-oldest-unsettled)',
  async run(lab) {
    const address = await lab.address()
    const sink = await lab.sink(address.sink)
    const names = ['A', 'B', 'C', 'D', 'E']
    const sent = names.map(name => lab.message({ key: 'k', bytes: Buffer.from(name) }))
    await lab.publish(sink, sent)
    const first = await lab.receiver(address)
    const [a, b, , d] = await first.take(5)
    d!.ack()
    a!.ack()
    b!.ack()
    await first[Symbol.asyncDispose]()
    const last = lab.message({ key: 'k', bytes: Buffer.from('last') })
    await lab.publish(sink, [last])
    const again = await lab.receiver(address)
    const got = (await again.takeUntil(last.id)).map(({ message }) => message.bytes!.toString())
    const wanted = lab.features.redelivery === 'each' ? ['C', 'E', 'last'] : ['C', 'D', 'E', 'last']
    assert.deepEqual(got, wanted)
  },
}
