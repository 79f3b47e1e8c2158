import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type Content, encodeFields, type Field, long, short } from './amqp-bytes.ts'
import { ContentFrames, type Frame, method, publishFrames, splitFrames } from './amqp-frames.ts'

const PATIENCE_MS = 120_000
const CHANNEL = 1
const CONFIRM_OK = [85, 11] as const
const ACK = 80
const NACK = 120
const DELIVER = 60

/**
 * A witness at RabbitMQ: publishes and consumes messages as they stand on the wire, by a protocol of its own. One channel,
 * one connection, nothing clever.
 */
export class AmqpClient implements AsyncDisposable {
  readonly #socket: Socket
  readonly #contents = new ContentFrames()
  readonly #replies: Frame[] = []
  #rest: Buffer = Buffer.alloc(0)
  readonly #unconfirmed = new Set<number>()
  #published = 0
  #lastTag = 0n
  #failure: Error | undefined
  #wake = Promise.withResolvers<void>()

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', chunk => this.#take(chunk))
    socket.on('error', error => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('the broker closed the connection')))
  }

  /** @param url `amqp://user:password@host:port` */
  static async open(url: string): Promise<AmqpClient> {
    const { hostname, port, username, password, pathname } = new URL(url)
    const socket = connect({ host: hostname, port: Number(port || 5672), noDelay: true })
    await once(socket, 'connect')
    const client = new AmqpClient(socket)
    socket.write(Buffer.from('AMQP\0\0\x09\x01', 'latin1'))
    await client.#reply(10, 10)
    const login = `\0${decodeURIComponent(username) || 'guest'}\0${decodeURIComponent(password) || 'guest'}`
    socket.write(method(0, 10, 11, long(''), short('PLAIN'), long(login), short('en_US')))
    const tune = await client.#reply(10, 30)
    const noHeartbeat = Buffer.concat([tune.subarray(4, 10), Buffer.alloc(2)])
    socket.write(method(0, 10, 31, noHeartbeat))
    const vhost = pathname.length > 1 ? decodeURIComponent(pathname.slice(1)) : '/'
    await client.#ask([10, 41], method(0, 10, 40, short(vhost), short(''), Buffer.alloc(1)))
    await client.#ask([20, 11], method(CHANNEL, 20, 10, short('')))
    await client.#ask(CONFIRM_OK, method(CHANNEL, 85, 10, Buffer.alloc(1)))
    return client
  }

  /** Declares a durable queue of this type. */
  async declare(queue: string, type: string): Promise<void> {
    const fields: Field[] = [{ name: Buffer.from('x-queue-type'), tag: 'S', payload: long(type) }]
    const durable = Buffer.from([2])
    const parts = [Buffer.alloc(2), short(queue), durable, long(encodeFields(fields))]
    await this.#ask([50, 11], method(CHANNEL, 50, 10, ...parts))
  }

  async delete(queue: string): Promise<void> {
    await this.#ask([50, 41], method(CHANNEL, 50, 40, Buffer.alloc(2), short(queue), Buffer.alloc(1)))
  }

  /** Declares a durable topic exchange and binds the queues to it for every routing key. */
  async exchange(exchange: string, queues: readonly string[]): Promise<void> {
    const durable = Buffer.from([2])
    const declaration = [Buffer.alloc(2), short(exchange), short('topic'), durable, long('')]
    await this.#ask([40, 11], method(CHANNEL, 40, 10, ...declaration))
    for (const queue of queues) {
      const parts = [Buffer.alloc(2), short(queue), short(exchange), short('#'), Buffer.alloc(1), long('')]
      await this.#ask([50, 21], method(CHANNEL, 50, 20, ...parts))
    }
  }

  async deleteExchange(exchange: string): Promise<void> {
    await this.#ask([40, 21], method(CHANNEL, 40, 20, Buffer.alloc(2), short(exchange), Buffer.alloc(1)))
  }

  /** Publishes in order; resolves when all are confirmed. */
  async publish(exchange: string, contents: readonly Content[]): Promise<void> {
    for (const content of contents) {
      this.#unconfirmed.add(++this.#published)
      this.#socket.write(publishFrames(CHANNEL, exchange, content))
    }
    const open = this.#unconfirmed
    await this.#until(
      () => open.size === 0,
      () => `${open.size} of ${contents.length} are to be confirmed`,
    )
  }

  /** The first `count` messages of the queue, or of the stream from its beginning; acknowledged. */
  async consume(queue: string, count: number, isStream: boolean): Promise<Content[]> {
    this.#contents.contents.length = 0
    const qos = Buffer.alloc(7)
    qos.writeUInt16BE(Math.min(count, 60_000), 4)
    await this.#ask([60, 11], method(CHANNEL, 60, 10, qos))
    const from: Field[] = isStream ? [{ name: Buffer.from('x-stream-offset'), tag: 'S', payload: long('first') }] : []
    const parts = [Buffer.alloc(2), short(queue), short('witness'), Buffer.alloc(1), long(encodeFields(from))]
    await this.#ask([60, 21], method(CHANNEL, 60, 20, ...parts))
    const { contents } = this.#contents
    await this.#until(
      () => contents.length >= count,
      () => `${contents.length} of ${count} have come from ${queue}`,
    )
    const all = contents.slice(0, count)
    await this.#ask([60, 31], method(CHANNEL, 60, 30, short('witness'), Buffer.alloc(1)))
    const ack = Buffer.alloc(9)
    ack.writeBigUInt64BE(this.#lastTag, 0)
    ack[8] = 1
    this.#socket.write(method(CHANNEL, 60, ACK, ack))
    return all
  }

  #take(chunk: Buffer): void {
    const { frames, rest } = splitFrames(Buffer.concat([this.#rest, chunk]))
    this.#rest = rest
    for (const one of frames) this.#dispatch(one)
    this.#wake.resolve()
    this.#wake = Promise.withResolvers()
  }

  #dispatch(one: Frame): void {
    if (one.type === 8) return
    const { classId, methodId } = idsOf(one)
    if (classId === 60 && methodId === DELIVER) this.#lastTag = one.payload.readBigUInt64BE(5 + one.payload[4]!)
    if (this.#contents.take(one)) return
    if (classId === 60 && methodId === ACK) {
      const last = Number(one.payload.readBigUInt64BE(4))
      const multiple = (one.payload[12]! & 1) === 1
      for (const tag of multiple ? this.#unconfirmed : [last]) if (tag <= last) this.#unconfirmed.delete(tag)
    } else if (classId === 60 && methodId === NACK) this.#fail(new Error('the broker refused a message'))
    else if (classId === 20 && methodId === 40) this.#fail(new Error(`channel closed: ${one.payload.subarray(6)}`))
    else if (classId === 10 && methodId === 50) this.#fail(new Error(`connection closed: ${one.payload.subarray(6)}`))
    else this.#replies.push(one)
  }

  async #ask(answer: readonly [number, number], request: Buffer): Promise<Buffer> {
    this.#socket.write(request)
    return this.#reply(...answer)
  }

  async #reply(classId: number, methodId: number): Promise<Buffer> {
    const wanted = (one: Frame) => idsOf(one).classId === classId && idsOf(one).methodId === methodId
    await this.#until(
      () => this.#replies.some(wanted),
      () => `method ${classId}.${methodId} has been answered`,
    )
    return this.#replies.splice(this.#replies.findIndex(wanted), 1)[0]!.payload
  }

  async #until(met: () => boolean, what: () => string): Promise<void> {
    const timer = setTimeout(() => this.#fail(new Error(`waited in vain: ${what()}`)), PATIENCE_MS)
    try {
      while (!met()) {
        if (this.#failure !== undefined) throw this.#failure
        await this.#wake.promise
      }
    } finally {
      clearTimeout(timer)
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.#wake.resolve()
    this.#wake = Promise.withResolvers()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const farewell = [Buffer.from([0, 200]), short('done'), Buffer.alloc(4)]
    if (this.#failure === undefined) await this.#ask([10, 51], method(0, 10, 50, ...farewell))
    this.#failure ??= new Error('the witness is closed')
    this.#socket.destroy()
  }
}

function idsOf({ type, payload }: Frame): { classId: number; methodId: number } {
  if (type !== 1) return { classId: 0, methodId: 0 }
  return { classId: payload.readUInt16BE(0), methodId: payload.readUInt16BE(2) }
}
