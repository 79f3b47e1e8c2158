import type { Message } from '../../src/core/message.ts'
import { StreamOrigin } from '../../src/drivers/nats/origin.ts'
import { Targets } from '../../src/drivers/nats/target.ts'
import { toMessage } from '../../src/drivers/nats/wire-message.ts'
import { Hops } from '../../src/engine/hops.ts'

// The way of a message through NATS without a server: everything the driver does to it between wire and wire.

export const SUBJECT = 'shop.orders.created'
const MARK = 'orders@00000000'
const STORED = 1_795_000_000_456

/** A message as it is on the wire of NATS. */
export interface Wire {
  readonly subject: string
  readonly block: Buffer
  readonly body: Buffer
}

/** As the sink writes it into a stream. */
export function toNats(message: Message, mark = MARK): Wire {
  const { subject, block, body } = new Targets({ stream: 'ORDERS', subject: SUBJECT }).of(new Hops(mark).mark(message))
  return { subject, block, body }
}

/** As the source reads what the stream stored. */
export function fromNats({ subject, block, body }: Wire, sequence = 7): Message {
  const ack = { deliveries: 1, streamSequence: sequence, time: STORED, pending: 0 }
  const origin = new StreamOrigin('bus', 'ORDERS', ack)
  return toMessage({ block, body }, { subject, reply: '', origin, time: STORED })
}

/** Header lines of a block as text, one byte a character. */
export function lines(block: Buffer): readonly string[] {
  return block.toString('latin1').split('\r\n').slice(1, -2)
}
