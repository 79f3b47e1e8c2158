import { once } from 'node:events'
import { Producer } from '@platformatic/kafka'
import amqp from 'amqplib'
import { connect, createInbox, headers } from 'nats'
import WebSocket from 'ws'
import type { Bare } from './bare-sources.ts'
import type { Place } from './options.ts'

/** Opens a target; what it answers with resolves when the broker has confirmed the whole batch. */
type Target = (url: string, name: string) => Promise<(batch: readonly Bare[]) => Promise<void>>

const rabbitmq: Target = async (url, queue) => {
  const channel = await (await amqp.connect(url)).createConfirmChannel()
  return async batch => {
    for (const { user, body } of batch)
      channel.sendToQueue(queue, body, { persistent: true, headers: { user_id: user } })
    await channel.waitForConfirms()
  }
}

const kafka: Target = async (url, topic) => {
  const bootstrapBrokers = [url.replace('kafka://', '')]
  const producer = new Producer({ clientId: 'bare', bootstrapBrokers, idempotent: true })
  const name = Buffer.from('user_id')
  return async batch => {
    const messages = batch.map(({ user, body }) => {
      const key = Buffer.from(user)
      return { topic, key, value: body, headers: new Map([[name, key]]) }
    })
    await producer.send({ messages, acks: -1 })
  }
}

/** Counts confirms until all of a batch are there. */
class Confirms {
  #missing = 0
  #resolve = () => {}

  expect(count: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#missing = count
    this.#resolve = resolve
    return promise
  }

  one(): void {
    if (--this.#missing === 0) this.#resolve()
  }
}

const jetstream: Target = async (url, stream) => {
  const client = await connect({ servers: url.replace('nats://', '') })
  const reply = createInbox()
  const confirms = new Confirms()
  client.subscribe(reply, { callback: () => confirms.one() })
  return batch => {
    const all = confirms.expect(batch.length)
    for (const { user, body } of batch) {
      const list = headers()
      list.set('user_id', user)
      client.publish(stream, body, { headers: list, reply })
    }
    return all
  }
}

const pulsar: Target = async (url, topic) => {
  // What `ws` offers by default, compression, costs more than all the rest.
  const socket = new WebSocket(`${url}/ws/v2/producer/persistent/public/default/${topic}`, { perMessageDeflate: false })
  await once(socket, 'open')
  const confirms = new Confirms()
  socket.on('message', () => confirms.one())
  return batch => {
    const all = confirms.expect(batch.length)
    for (const { user, body } of batch)
      socket.send(JSON.stringify({ payload: body.toString('base64'), key: user, properties: { user_id: user } }))
    return all
  }
}

export const targets: Readonly<Record<Place, Target>> = { rabbitmq, kafka, jetstream, pulsar }
