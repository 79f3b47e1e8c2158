import assert from 'node:assert/strict'
import type { Case } from '../case.ts'

export const results: Case = {
  number: 7,
  title: 'one result per message; a failed one names itself',
  async run(lab) {
    const address = await lab.address()
    const sink = await lab.sink(address.sink)
    const receiver = await lab.receiver(address)
    const call = Array.from({ length: 9 }, (_, i) => lab.message({ key: `key-${i}` }))
    call[4] = lab.message({ key: 'key-4', bytes: Buffer.alloc(lab.features.maxBytes + 1) })
    const answer = await sink.publish(call, lab.signal)
    assert.equal(answer.length, call.length)
    answer.forEach((result, i) => {
      const heldBack = lab.features.orderedBatch && i > 4 && result?.fate === 'retry' && result.scope === 'message'
      if (i === 4) assert.equal(result?.fate, 'poison', 'the message that cannot be stored says so itself')
      else
        assert(result === null || heldBack, `only the message that cannot be stored fails, not ${i}: ${result?.code}`)
    })
    const rest = call.filter((_, i) => i > 4 && answer[i] !== null)
    if (rest.length > 0) await lab.publish(sink, rest)
    const wanted = call.filter((_, i) => i !== 4).map(message => message.id)
    const got = await receiver.take(wanted.length)
    assert.deepEqual(got.map(({ message }) => message.id).sort(), wanted.sort())
    assert.deepEqual(await sink.publish([], lab.signal), [], 'an empty call has no results')
  },
}
