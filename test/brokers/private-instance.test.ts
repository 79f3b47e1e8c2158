import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import amqp from 'amqplib'
import { expect, onTestFinished, test } from 'vitest'
import { loadKafkajs } from '../../src/drivers/kafka/kafkajs.ts'
import { createTopics } from '../streams/kafka-topics.ts'
import { type Broker, startBroker } from './broker.ts'
import { given } from './given.ts'
import { readState } from './instances.ts'
import { coordinates } from './kafka-probe.ts'
import type { Kind } from './kinds.ts'
import { isFree } from './ports.ts'
import { identify } from './processes.ts'

const { Kafka, logLevel } = loadKafkajs() // without kafkajs' warning about a negative time-out

async function startPrivate(kind: Kind): Promise<Broker> {
  const broker = await startBroker(kind, { instance: `kit-${process.pid}` })
  onTestFinished(() => broker[Symbol.asyncDispose]())
  return broker
}

const portOf = (broker: Broker) => Number(new URL(broker.url).port)

for (const kind of ['rabbitmq4', 'rabbitmq3'] as const) {
  test(`a private ${kind} keeps its port and its messages through restart and kill`, async () => {
    const broker = await startPrivate(kind)
    expect(broker.url).not.toBe(given(kind).url)
    await publish(broker.url, 'kept', 'durable')
    const first = broker.pid

    await broker.restart()
    expect(broker.pid).not.toBe(first)
    expect(identify(first)).toBeUndefined()
    expect(await peek(broker.url, 'kept')).toBe('durable')

    if (kind === 'rabbitmq3') return // started and stopped by the same code, and slower
    await broker.kill()
    expect(await isFree(portOf(broker))).toBe(true)
    await broker.restart()
    expect(await peek(broker.url, 'kept')).toBe('durable')
  })
}

test('a private kafka keeps its port and its topics through restart and kill', async () => {
  const broker = await startPrivate('kafka')
  expect(broker.url).not.toBe(given('kafka').url)
  await createTopic(broker, 'kept')
  const first = broker.pid

  await broker.restart()
  expect(identify(first)).toBeUndefined()
  expect(await topics(broker)).toContain('kept')

  await broker.kill()
  expect(await isFree(portOf(broker))).toBe(true)
  await broker.restart()
  expect(await topics(broker)).toContain('kept')
})

test('a frozen broker accepts and answers nothing until it is thawed', async () => {
  const broker = await startPrivate('kafka')
  broker.freeze()
  await expect(coordinates(portOf(broker))).rejects.toThrow('timeout')
  broker.thaw()
  expect(await coordinates(portOf(broker))).toBe(true)
  broker.freeze()
  await broker.stop()
  expect(identify(broker.pid)).toBeUndefined()
})

test('a private instance has its name for itself, and leaves nothing behind', async () => {
  const broker = await startPrivate('rabbitmq4')
  await expect(startBroker('rabbitmq4', { instance: broker.instance })).rejects.toThrow('in use already')
  const processes = Object.values(readState('rabbitmq4', broker.instance)?.processes ?? {})
  expect(processes).toHaveLength(2) // the broker and its port mapper
  await broker[Symbol.asyncDispose]()
  for (const { pid } of processes) expect(identify(pid)).toBeUndefined()
  expect(readState('rabbitmq4', broker.instance)).toBeUndefined()
})

test('a private broker whose owner was killed is stopped by the next start', async () => {
  const name = `orphan-${process.pid}`
  const script = `import { startBroker } from ${JSON.stringify(join(import.meta.dirname, 'broker.ts'))}
    const broker = await startBroker('rabbitmq4', { instance: '${name}' })
    console.log(broker.pid); setInterval(() => {}, 1000)`
  const owner = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [pid] = await once(owner.stdout, 'data')
  expect(identify(Number(pid))).toBeDefined()
  owner.kill('SIGKILL')
  await once(owner, 'exit')
  await using _ = await startBroker('kafka')
  expect(identify(Number(pid))).toBeUndefined()
  expect(readState('rabbitmq4', name)).toBeUndefined()
})

test('where a port of the wanted block is taken, another block is', async () => {
  const broker = await startPrivate('rabbitmq4')
  await broker.stop()
  const squatter = createServer()
  await new Promise<void>(resolve => squatter.listen(portOf(broker), '127.0.0.1', resolve))
  onTestFinished(() => void squatter.close())
  const moved = await startBroker('rabbitmq4', { instance: broker.instance, keep: true })
  expect(portOf(moved)).not.toBe(portOf(broker))
})

async function publish(url: string, queue: string, text: string): Promise<void> {
  const connection = await amqp.connect(url)
  const channel = await connection.createConfirmChannel()
  await channel.assertQueue(queue, { durable: true })
  channel.sendToQueue(queue, Buffer.from(text), { persistent: true })
  await channel.waitForConfirms()
  await connection.close()
}

async function peek(url: string, queue: string): Promise<string | undefined> {
  const connection = await amqp.connect(url)
  const channel = await connection.createChannel()
  const message = await channel.get(queue)
  await connection.close()
  return message ? message.content.toString() : undefined
}

function adminOf(broker: Broker) {
  return new Kafka({ brokers: [new URL(broker.url).host], logLevel: logLevel.NOTHING }).admin()
}

async function createTopic(broker: Broker, topic: string): Promise<void> {
  const admin = adminOf(broker)
  await admin.connect()
  await createTopics(admin, [{ topic }])
  await admin.disconnect()
}

async function topics(broker: Broker): Promise<string[]> {
  const admin = adminOf(broker)
  await admin.connect()
  const names = await admin.listTopics()
  await admin.disconnect()
  return names
}
