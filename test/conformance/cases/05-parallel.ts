import assert from 'node:assert/strict'
import type { Case } from '../case.ts'

export const parallel: Case = {
  number: 5,
  title: '1 000 messages, 8 publishers: all arrive',
  async run(lab) {
    const address = await lab.address()
    const receiver = await lab.receiver(address, { inFlight: 2_000 })
    const connections = [lab.connect(), lab.connect()]
    const sent = await Promise.all(
      Array.from({ length: 8 }, async (_, publisher) => {
        const sink = await lab.sink(address.sink, connections[publisher % 2])
        const messages = lab.messages(125, { key: `publisher-${publisher}` })
        for (let i = 0; i < messages.length; i += 25) await lab.publish(sink, messages.slice(i, i + 25))
        return messages.map(message => message.id)
      }),
    )
    const got = await receiver.take(1_000)
    assert.deepEqual(got.map(({ message }) => message.id).sort(), sent.flat().sort())
    for (const delivery of got) delivery.ack()
  },
}
