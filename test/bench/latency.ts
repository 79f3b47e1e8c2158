import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { Producer } from '@platformatic/kafka'
import amqp from 'amqplib'
import { kafkaClient } from '../streams/kafka-end.ts'
import { type Ends, emptyQueue, emptyTopic, USERS } from './load.ts'
import { writeRoutes } from './routes.ts'
import { stopped } from './run.ts'

/** Milliseconds from the publish to a Kafka consumer. */
export interface Latency {
  readonly p50: number
  readonly p99: number
  readonly messages: number
}

export interface Latencies {
  /** Published straight into Kafka: the floor. */
  readonly straight: Latency
  /** Published into RabbitMQ, through the bare client loop. */
  readonly bare: Latency
  /** Published into RabbitMQ, through Sluice. */
  readonly sluice: Latency
}

const RATE = 1_000
const SECONDS = 20
const WARM_UP = 5
const ROUNDS = 2

/** The same paced load three ways in turn; the last round counts, the ones before warm the brokers' compilers up. */
export async function latency(ends: Ends): Promise<Latencies> {
  let latencies: Latencies | undefined
  for (let round = 0; round < ROUNDS; round++) {
    const name = `bench.latency.${Date.now()}`
    await emptyTopic(ends.kafka, `${name}.straight`)
    const straight = await straightInto(ends, `${name}.straight`)
    const kafka = ends.kafka
    const bare = await through(ends, `${name}.bare`, [
      'bare.ts',
      ...['rabbitmq', 'kafka', ends.rabbitmq, kafka, `${name}.bare`, 'Infinity'],
    ])
    const sluice = await through(ends, name, ['gateway.ts', writeRoutes('rabbitmq-kafka', ends, name)])
    latencies = { straight, bare, sluice }
  }
  return latencies!
}

/** As whoever writes such a producer would: a call at a time, with all that has come due since the last one. */
async function straightInto(ends: Ends, topic: string): Promise<Latency> {
  const producer = new Producer({
    clientId: 'bench',
    bootstrapBrokers: [ends.kafka.replace('kafka://', '')],
    idempotent: true,
  })
  let due: Buffer[] = []
  let sending = false
  const send = async () => {
    sending = true
    for (; due.length > 0; ) {
      const values = due
      due = []
      const messages = values.map(value => ({ topic, key: value.subarray(0, 8), value }))
      await producer.send({ messages, acks: -1 })
    }
    sending = false
  }
  const measured = await measure(ends, topic, body => {
    due.push(body)
    if (!sending) void send()
  })
  await producer.close()
  return measured
}

/** From a queue by a process that runs `script` into the topic of the same name. */
async function through(ends: Ends, name: string, [script, ...args]: readonly [string, ...string[]]): Promise<Latency> {
  await emptyTopic(ends.kafka, name)
  await emptyQueue(ends.rabbitmq, name)
  const child = spawn(process.execPath, [join(import.meta.dirname, script), ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const connection = await amqp.connect(ends.rabbitmq)
  try {
    const channel = await connection.createConfirmChannel()
    let n = 0
    return await measure(ends, name, body => {
      channel.sendToQueue(name, body, { persistent: true, headers: { user_id: `u${n++ % USERS}` } })
    })
  } finally {
    await connection.close()
    await stopped(child)
  }
}

async function measure(ends: Ends, topic: string, publish: (body: Buffer) => void): Promise<Latency> {
  const consumer = kafkaClient(ends.kafka).consumer({ groupId: `${topic}.reader`, maxWaitTimeInMs: 50 })
  const took: number[] = []
  let sent = 0
  let seen = 0
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const joined = new Promise<void>(resolve => consumer.on('consumer.group_join', () => resolve()))
  // Commits are left out: this consumer would wait for one after every fetch, and that be taken for latency.
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      const now = performance.now()
      for (const { value } of batch.messages) if (++seen > WARM_UP * RATE) took.push(now - value!.readDoubleBE(0))
    },
  })
  await joined
  const total = (WARM_UP + SECONDS) * RATE
  const begin = performance.now()
  while (sent < total) {
    const due = Math.min(total, Math.floor(((performance.now() - begin) / 1000) * RATE) + 1)
    for (; sent < due; sent++) {
      const body = Buffer.alloc(1_024, 'x')
      body.writeDoubleBE(performance.now(), 0)
      publish(body)
    }
    await new Promise(resolve => setTimeout(resolve, 1))
  }
  const end = performance.now() + 30_000
  while (seen < total && performance.now() < end) await new Promise(resolve => setTimeout(resolve, 20))
  await consumer.disconnect()
  if (seen < total) throw new Error(`only ${seen} of ${total} messages arrived at ${topic}`)
  took.sort((a, b) => a - b)
  const at = (share: number) => Math.round(took[Math.floor(took.length * share)]! * 10) / 10
  return { p50: at(0.5), p99: at(0.99), messages: took.length }
}
