import assert from 'node:assert/strict'
import type { Case } from '../case.ts'
import type { Lab } from '../lab.ts'
import type { Receiver } from '../receiver.ts'

export const groups: Case = {
  number: 15,
  title: 'two sources of one group share; two groups each get all',
  async run(lab) {
    const address = await lab.address()
    const sink = await lab.sink(address.sink)
    const one = await lab.receiver(address, { group: 'one' })
    const two = await lab.receiver(address, { group: 'one', connection: lab.connect() })
    // Where nothing is kept for a group that comes later, it has to be there before.
    const early =
      lab.features.groups && !lab.features.durable ? await lab.receiver(address, { group: 'two' }) : undefined
    const sent = await spread(lab, sink, 200)
    const group = new Group()
    await group.settle([one, two], sent)
    // The one that stays takes over what the other one had.
    await two[Symbol.asyncDispose]()
    const more = await spread(lab, sink, 100)
    await group.settle([one], [...sent, ...more])
    if (!lab.features.groups) return
    const other = early ?? (await lab.receiver(address, { group: 'two' }))
    await new Group().settle([other], [...sent, ...more])
  },
}

async function spread(lab: Lab, sink: Awaited<ReturnType<Lab['sink']>>, count: number): Promise<readonly string[]> {
  const messages = Array.from({ length: count }, (_, i) => lab.message({ key: `key-${i % 40}` }))
  await lab.publish(sink, messages)
  return messages.map(message => message.id)
}

/** What a group has acked so far, and how much of each receiver it looked at. */
class Group {
  readonly #acked = new Map<string, number>()
  readonly #seen = new Map<Receiver, number>()

  /**
   * Acks what comes until each of `sent` was acked once. A message may come twice only when its first delivery expired
   * unacked, as when its partition moved on.
   */
  async settle(receivers: readonly Receiver[], sent: readonly string[]): Promise<void> {
    const all = () => {
      for (const receiver of receivers) this.#ack(receiver)
      return this.#acked.size >= sent.length
    }
    const what = () => `${sent.length} messages; ${this.#acked.size} were acked`
    await Promise.race(receivers.map(receiver => receiver.until(all, what)))
    assert.deepEqual(
      sent.filter(id => !this.#acked.has(id)),
      [],
      'the group gets everything',
    )
    const twice = [...this.#acked].filter(([, times]) => times > 1).map(([id]) => id)
    assert.deepEqual(twice, [], 'what one source of the group acked comes to none of them again')
  }

  #ack(receiver: Receiver): void {
    for (const delivery of receiver.received.slice(this.#seen.get(receiver))) {
      if (delivery.expired) continue
      delivery.ack()
      this.#acked.set(delivery.message.id, (this.#acked.get(delivery.message.id) ?? 0) + 1)
    }
    this.#seen.set(receiver, receiver.received.length)
  }
}
