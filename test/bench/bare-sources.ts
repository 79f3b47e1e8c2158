import amqp, { type ConsumeMessage } from 'amqplib'
import { AckPolicy, connect, type JsMsg } from 'nats'
import WebSocket from 'ws'
import { ownKafkajs } from '../streams/kafkajs.ts'
import type { Place } from './options.ts'

const { Kafka, logLevel } = ownKafkajs()

/** What a loop carries of a message. */
export interface Bare {
  readonly user: string
  readonly body: Buffer
}

/** Takes a batch; acknowledges it when it is done with it. Called again only after it has resolved. */
type Take = (batch: readonly Bare[], acknowledge: () => void | Promise<void>) => Promise<void>
type Source = (url: string, name: string, take: Take) => Promise<void>

const MOST = 1_000
const AHEAD = 5_000

/** Gathers what arrives one by one into batches, one at a time. */
function gather<T>(take: (batch: T[]) => Promise<void>): (one: T) => void {
  const waiting: T[] = []
  let busy = false
  const flush = async () => {
    if (busy) return
    busy = true
    while (waiting.length > 0) await take(waiting.splice(0, MOST))
    busy = false
  }
  return one => {
    waiting.push(one)
    if (waiting.length === 1 || waiting.length === MOST) setImmediate(flush)
  }
}

const rabbitmq: Source = async (url, queue, take) => {
  const channel = await (await amqp.connect(url)).createChannel()
  await channel.prefetch(AHEAD)
  const push = gather<ConsumeMessage>(batch =>
    take(
      batch.map(({ content, properties }) => ({ user: String(properties.headers?.['user_id']), body: content })),
      () => channel.ack(batch.at(-1)!, true),
    ),
  )
  await channel.consume(queue, message => message !== null && push(message))
}

const kafka: Source = async (url, topic, take) => {
  const client = new Kafka({ brokers: [url.replace('kafka://', '')], logLevel: logLevel.NOTHING })
  const consumer = client.consumer({ groupId: `bare-${Date.now()}` })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    // The client commits behind a batch that was worked in.
    eachBatch: ({ batch }) =>
      take(
        batch.messages.map(({ value, headers }) => ({ user: String(headers?.['user_id']), body: value! })),
        () => {},
      ),
  })
}

const jetstream: Source = async (url, stream, take) => {
  const client = await connect({ servers: url.replace('nats://', '') })
  const manager = await client.jetstreamManager()
  await manager.consumers.add(stream, { durable_name: 'bare', ack_policy: AckPolicy.Explicit, max_ack_pending: 20_000 })
  const push = gather<JsMsg>(batch =>
    take(
      batch.map(({ data, headers }) => ({
        user: String(headers?.get('user_id')),
        body: Buffer.from(data.buffer, data.byteOffset, data.length),
      })),
      () => {
        for (const message of batch) message.ack()
      },
    ),
  )
  await (await client.jetstream().consumers.get(stream, 'bare')).consume({ max_messages: AHEAD, callback: push })
}

interface Frame {
  readonly messageId: string
  readonly payload: string
  readonly properties: Readonly<Record<string, string>>
}

const pulsar: Source = async (url, topic, take) => {
  const path = `ws/v2/consumer/persistent/public/default/${topic}/bare`
  const query = 'subscriptionType=Failover&receiverQueueSize=1000'
  const socket = new WebSocket(`${url}/${path}?${query}`, { perMessageDeflate: false })
  const push = gather<Frame>(batch =>
    take(
      batch.map(({ payload, properties }) => ({
        user: String(properties['user_id']),
        body: Buffer.from(payload, 'base64'),
      })),
      () => {
        for (const { messageId } of batch) socket.send(JSON.stringify({ messageId }))
      },
    ),
  )
  socket.on('message', data => push(JSON.parse(String(data)) as Frame))
}

export const sources: Readonly<Record<Place, Source>> = { rabbitmq, kafka, jetstream, pulsar }
