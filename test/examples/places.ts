import { given } from '../brokers/given.ts'
import { callManagement } from '../brokers/management.ts'
import { KafkaEnd } from '../streams/kafka-end.ts'
import { NatsEnd } from '../streams/nats-end.ts'
import { PulsarEnd } from '../streams/pulsar-end.ts'
import { RabbitEnd } from '../streams/rabbit-end.ts'

/** The examples have names of their own on shared brokers: whatever an earlier run left there is removed first. */
export interface Leftovers {
  readonly queues?: readonly string[]
  readonly exchanges?: readonly string[]
  readonly topics?: readonly string[]
  readonly streams?: readonly string[]
  readonly pulsar?: readonly string[]
}

export async function clear({ queues = [], exchanges = [], topics = [], streams = [], pulsar = [] }: Leftovers) {
  await using rabbit = await queue('none')
  for (const name of queues) await rabbit.channel.deleteQueue(name)
  for (const name of exchanges) await rabbit.channel.deleteExchange(name)
  if (topics.length > 0) {
    await using kafka = await topic('none')
    const there = await kafka.admin.listTopics()
    const old = topics.filter(name => there.includes(name))
    if (old.length > 0) await kafka.admin.deleteTopics({ topics: old })
  }
  if (streams.length > 0) {
    await using nats = await stream('none')
    for (const name of streams) await nats.manager.streams.delete(name).catch(() => {})
  }
  const admin = given('pulsar').url.replace(/^ws/, 'http').replace(/\/$/, '')
  for (const name of pulsar)
    await fetch(`${admin}/admin/v2/persistent/public/default/${name}?force=true`, { method: 'DELETE' })
}

export const queue = (name: string) => RabbitEnd.open({ url: given('rabbitmq4').url, queue: name, type: 'none' })
export const topic = (name: string) => KafkaEnd.open({ url: given('kafka').url, topic: name, create: false })
export const stream = (name: string) => NatsEnd.open({ url: given('nats').url, stream: name, create: false })
export const pulsarTopic = (name: string) => PulsarEnd.open({ url: given('pulsar').url, topic: name })

// Not by a channel: the broker closes one that asks for what is not there.
export function queueThere(name: string): Promise<boolean> {
  return callManagement(given('rabbitmq4').management!, 'GET', `/api/queues/%2F/${name}`).then(
    () => true,
    () => false,
  )
}

/** The queue gets what is published to the exchange. */
export async function bound(name: string, exchange: string): Promise<boolean> {
  if (!(await queueThere(name))) return false
  const path = `/api/queues/%2F/${name}/bindings`
  const bindings = (await callManagement(given('rabbitmq4').management!, 'GET', path)) as { source: string }[]
  return bindings.some(({ source }) => source === exchange)
}

export async function topicThere(name: string): Promise<boolean> {
  await using end = await topic(name)
  return (await end.admin.listTopics()).includes(name)
}
