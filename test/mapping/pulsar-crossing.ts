import type { Message } from '../../src/core/message.ts'
import { toMessage } from '../../src/drivers/pulsar/record.ts'
import { Targets } from '../../src/drivers/pulsar/target.ts'
import type { Received } from '../../src/drivers/pulsar/transport.ts'
import { parseFrame } from '../../src/drivers/pulsar/ws-consumer.ts'
import { Hops } from '../../src/engine/hops.ts'

// The way of a message into Pulsar and out of it, without a broker, as the WebSocket API puts it.

const MARK = 'orders@00000000'
const HOME = { tenant: 'public', namespace: 'default' }
const TOPIC = { domain: 'persistent', ...HOME, local: 'shop.orders' } as const

/** What the broker has of a message after the sink has sent it. */
export interface StoredMessage {
  readonly payload: Buffer
  readonly properties: Readonly<Record<string, string>>
  readonly key: string | undefined
  readonly eventTime: number | undefined
}

export function toPulsar(message: Message): StoredMessage {
  return new Targets({ topic: TOPIC.local }, HOME).of(new Hops(MARK).mark(message)).outgoing
}

/** The broker keeps properties in no order; `shuffle` says in which they come. */
export function fromPulsar(stored: StoredMessage, shuffle: (names: string[]) => string[] = names => names): Message {
  const properties: Record<string, string> = Object.create(null)
  for (const name of shuffle(Object.keys(stored.properties))) properties[name] = stored.properties[name]!
  const frame = JSON.stringify({
    messageId: 'CAUQADAA',
    payload: stored.payload.toString('base64'),
    properties,
    publishTime: '2026-11-25T22:56:00.504Z',
    ...(stored.eventTime === undefined ? {} : { eventTime: new Date(stored.eventTime).toISOString() }),
    ...(stored.key === undefined ? {} : { key: stored.key }),
    redeliveryCount: 0,
  })
  return toMessage(parseFrame(frame, TOPIC) as Received, 'pulsar', 1)
}
