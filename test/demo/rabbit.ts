import { setTimeout as sleep } from 'node:timers/promises'
import { type Channel, type ChannelModel, connect } from 'amqplib'
import { abortable } from '../../src/core/waiting.ts'

/** Longest wait for the broker's answer to a close, in ms: one that is going down may leave it out, and amqplib waits for ever. */
const CLOSE_MS = 5_000

export interface QueueState {
  /** Messages ready for delivery. */
  readonly messages: number
  readonly consumers: number
}

/** A message found in a queue. */
export interface Letter {
  readonly messageId: string
  /** Why it was dead-lettered; empty where it was not. */
  readonly reason: string
}

/** A connection that tells nobody about its end: whoever uses it next notices. Rejects where RabbitMQ does not answer. */
export async function dial(url: string): Promise<ChannelModel> {
  const connection = await connect(url, { timeout: 5_000 })
  connection.on('error', () => {})
  return connection
}

/** Closes a connection or a channel. Never throws. */
export async function hangUp(open: Pick<ChannelModel | Channel, 'close'>, ms = CLOSE_MS): Promise<void> {
  try {
    await abortable(open.close(), AbortSignal.timeout(ms))
  } catch {
    // It is closed already, or its broker is going down.
  }
}

/** Rejects with what is wrong where RabbitMQ does not answer. */
export async function pingRabbit(url: string): Promise<void> {
  await hangUp(await dial(url))
}

/** Looks at queues from outside, through restarts of the broker. */
export class Watch implements AsyncDisposable {
  readonly #url: string
  #connection: ChannelModel | undefined

  constructor(url: string) {
    this.#url = url
  }

  /** Undefined while the queue, or RabbitMQ, is not there. */
  async look(queue: string): Promise<QueueState | undefined> {
    try {
      this.#connection ??= await dial(this.#url)
      const channel = await this.#connection.createChannel()
      // A queue that does not exist closes the channel.
      channel.on('error', () => {})
      const { messageCount, consumerCount } = await channel.checkQueue(queue)
      await hangUp(channel)
      return { messages: messageCount, consumers: consumerCount }
    } catch (error) {
      if (!isMissing(error)) await this.#drop()
      return undefined
    }
  }

  /** Resolves once the gateway consumes the queue: it declares and binds it before. */
  async consumed(queue: string, signal: AbortSignal): Promise<void> {
    while (((await this.look(queue))?.consumers ?? 0) === 0) await sleep(50, undefined, { signal })
  }

  async #drop(): Promise<void> {
    const connection = this.#connection
    this.#connection = undefined
    if (connection !== undefined) await hangUp(connection)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#drop()
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 404
}

/** Reads every message of a queue that nobody consumes and leaves it there: nothing is acknowledged, and the broker takes them back. */
export async function readLetters(url: string, queue: string, signal: AbortSignal): Promise<readonly Letter[]> {
  const connection = await dial(url)
  try {
    const channel = await connection.createChannel()
    channel.on('error', () => {})
    const letters: Letter[] = []
    const { messageCount } = await channel.checkQueue(queue)
    if (messageCount > 0) await collect(channel, queue, messageCount, letters, signal)
    return letters
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  } finally {
    await hangUp(connection)
  }
}

async function collect(channel: Channel, queue: string, count: number, letters: Letter[], signal: AbortSignal) {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  channel.once('close', () => reject(new Error(`RabbitMQ closed the channel while ${queue} was read`)))
  signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  await channel.consume(queue, message => {
    if (message === null) return reject(new Error(`the queue ${queue} was deleted while it was read`))
    const { headers = {}, messageId } = message.properties
    letters.push({ messageId: String(messageId), reason: String(headers['sluice-dead-reason'] ?? '') })
    if (letters.length === count) resolve()
  })
  await promise
}
