import { once } from 'node:events'
import type { ConfirmChannel } from 'amqplib'
import type { BrokerInfo } from '../brokers/kinds.ts'
import { callManagement } from '../brokers/management.ts'
import type { Outgoing } from '../streams/ends.ts'

/** What a source with `partitions` and `partitionBy: { header: key }` declares, declared by somebody else. */
export async function declarePartitions(channel: ConfirmChannel, name: string, partitions: number): Promise<void> {
  await channel.assertExchange(name, 'x-consistent-hash', { durable: true, arguments: { 'hash-header': 'key' } })
  for (const queue of queues(name, partitions)) {
    const more = { 'x-queue-type': 'quorum', 'x-single-active-consumer': true }
    await channel.assertQueue(queue, { durable: true, arguments: more })
    await channel.bindQueue(queue, name, '1')
  }
}

/** Resolves when the broker has confirmed every message. */
export async function sendToPartitions(
  channel: ConfirmChannel,
  name: string,
  messages: readonly Outgoing[],
): Promise<void> {
  for (const { id, key, body, headers } of messages) {
    const options = { persistent: true, mandatory: true, headers: { ...headers, key } }
    if (!channel.publish(name, id, body ?? Buffer.alloc(0), options)) await once(channel, 'drain')
  }
  await channel.waitForConfirms()
}

/** Messages that wait in all of them. */
export async function leftInPartitions(channel: ConfirmChannel, name: string, partitions: number): Promise<number> {
  let left = 0
  for (const queue of queues(name, partitions)) left += (await channel.checkQueue(queue)).messageCount
  return left
}

interface Channel {
  readonly connection_details: { readonly name?: string }
  readonly message_stats?: { readonly deliver?: number }
  readonly consumer_count: number
}

/**
 * How many messages each connected gateway has been given, the most first. (Which consumer is the active one the management
 * API does not tell: a consumer that had to give way to one of higher priority still counts as active.)
 */
export async function deliveries(broker: BrokerInfo): Promise<readonly number[]> {
  const channels = (await callManagement(broker.management!, 'GET', '/api/channels')) as readonly Channel[]
  const given = new Map<string, number>()
  for (const { connection_details, message_stats, consumer_count } of channels) {
    if (consumer_count === 0) continue
    const gateway = connection_details.name ?? ''
    given.set(gateway, (given.get(gateway) ?? 0) + (message_stats?.deliver ?? 0))
  }
  return [...given.values()].toSorted((a, b) => b - a)
}

const queues = (name: string, partitions: number) => Array.from({ length: partitions }, (_, i) => `${name}.${i}`)
