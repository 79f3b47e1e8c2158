// Fills a queue or a topic: messages of 1 KB with a user as key and one header, everything durable.
import { Producer } from '@platformatic/kafka'
import amqp from 'amqplib'
import { kafkaClient } from '../streams/kafka-end.ts'

export const USERS = 500
export const BODY = Buffer.from(JSON.stringify({ order: 'x'.repeat(1012) }))

export interface Ends {
  readonly rabbitmq: string
  readonly kafka: string
  readonly nats: string
  /** Empty where no pair needs it. */
  readonly pulsar: string
}

const brokerOf = (url: string) => url.replace('kafka://', '')

export async function emptyQueue(url: string, queue: string): Promise<void> {
  const connection = await amqp.connect(url)
  const channel = await connection.createChannel()
  await channel.deleteQueue(queue)
  await channel.assertQueue(queue, { durable: true })
  await connection.close()
}

export async function fillQueue(url: string, queue: string, messages: number): Promise<void> {
  await emptyQueue(url, queue)
  const connection = await amqp.connect(url)
  const channel = await connection.createConfirmChannel()
  for (let n = 0; n < messages; n++) {
    channel.sendToQueue(queue, BODY, { persistent: true, headers: { user_id: `u${n % USERS}` } })
    if (n % 5_000 === 4_999) await channel.waitForConfirms()
  }
  await channel.waitForConfirms()
  await connection.close()
}

export async function emptyTopic(url: string, topic: string): Promise<void> {
  const admin = kafkaClient(url).admin()
  await admin.connect()
  const { topics } = await admin.fetchTopicMetadata()
  if (topics.some(({ name }) => name === topic)) await admin.deleteTopics({ topics: [topic] })
  for (;;) {
    try {
      await admin.createTopics({ topics: [{ topic, numPartitions: 6, replicationFactor: 1 }], waitForLeaders: true })
      break
    } catch {
      // The deletion is still under way.
      await new Promise(resolve => setTimeout(resolve, 100))
    }
  }
  await admin.disconnect()
}

export async function fillTopic(url: string, topic: string, messages: number): Promise<void> {
  await emptyTopic(url, topic)
  const producer = new Producer({ clientId: 'bench-load', bootstrapBrokers: [brokerOf(url)], idempotent: true })
  for (let n = 0; n < messages; n += 2_000) {
    const batch = Array.from({ length: Math.min(2_000, messages - n) }, (_, i) => {
      const user = Buffer.from(`u${(n + i) % USERS}`)
      return { topic, key: user, value: BODY, headers: new Map([[Buffer.from('user_id'), user]]) }
    })
    await producer.send({ messages: batch, acks: -1 })
  }
  await producer.close()
}
