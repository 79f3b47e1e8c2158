import assert from 'node:assert/strict'
import type { Message } from '../../../src/core/message.ts'
import type { Delivery, Sink } from '../../../src/core/ports.ts'
import type { Case } from '../case.ts'
import type { Lab } from '../lab.ts'
import type { Receiver } from '../receiver.ts'

const KEYS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']

export const order: Case = {
  number: 6,
  title: 'order of a key kept, also with orderedBatch and a failure in the middle',
  async run(lab) {
    const address = await lab.address()
    const sink = await lab.sink(address.sink)
    const receiver = await lab.receiver(address, { inFlight: 2_000 })
    const sent: Message[] = []
    for (let round = 0; round < 20; round++) {
      // Runs of several messages of one key in a call, the keys interleaved.
      const call = Array.from({ length: 50 }, (_, i) => lab.message({ key: KEYS[(i * 7 + round) % KEYS.length]! }))
      await lab.publish(sink, call)
      sent.push(...call)
    }
    await inOrder(receiver, sent)
    await failInTheMiddle(lab, sink, receiver)
  },
}

async function inOrder(receiver: Receiver, sent: readonly Message[]): Promise<readonly Delivery[]> {
  const got = await receiver.take(sent.length)
  for (const [key, wanted] of Map.groupBy(sent, message => message.key)) {
    const ids = wanted.map(message => message.id)
    const found = got.map(({ message }) => message.id).filter(id => ids.includes(id))
    assert.deepEqual(found, ids, `the order of key ${key}`)
  }
  return got
}

/** One call whose second message cannot be stored; then, as the engine does it, what was held back is published again. */
async function failInTheMiddle(lab: Lab, sink: Sink, receiver: Receiver): Promise<void> {
  const { orderedBatch, maxBytes } = lab.features
  const huge = lab.message({ key: 'x', bytes: Buffer.alloc(maxBytes + 1) })
  const others = KEYS.map(key => lab.message({ key: `other-${key}` }))
  const call = [lab.message({ key: 'x' }), huge, lab.message({ key: 'x' }), ...others, lab.message({ key: 'x' })]
  const results = await sink.publish(call, lab.signal)
  assert(results[1], 'the message in the middle fails')
  assert.equal(results[0], null, 'what is before the failed message is stored')
  for (const result of results.slice(2)) {
    if (!orderedBatch) assert.equal(result, null, 'without orderedBatch a failed message holds nothing back')
    else if (result) assert.equal(result.fate, 'retry', `what was held back can be tried again, not ${result.code}`)
  }
  const stored = call.filter((_, i) => results[i] === null)
  const rest = call.filter((_, i) => i !== 1 && results[i] !== null)
  await lab.publish(sink, rest)
  const got = await inOrder(receiver, [...stored, ...rest])
  if (orderedBatch) behindNothing(got, call[0]!.id, new Set(stored.slice(1).map(({ id }) => id)))
}

/** With orderedBatch nothing is stored behind a failed message of its run: where none are named, its address and key. */
function behindNothing(got: readonly Delivery[], before: string, stored: ReadonlySet<string>): void {
  const { keyText } = got.find(({ message }) => message.id === before)!.message
  const behind = got.filter(({ message }) => stored.has(message.id) && message.keyText === keyText)
  assert.deepEqual(
    behind.map(({ message }) => message.id),
    [],
    'with orderedBatch nothing of a key is stored behind a failed message of it',
  )
}
