import { once } from 'node:events'
import WebSocket from 'ws'
import type { Asked, Heard, Question, Requester, Responder } from './parties.ts'

interface Frame {
  readonly messageId?: string
  readonly payload: string
  readonly properties: Readonly<Record<string, string>>
  readonly result?: string
}

/** `persistent://a/b/c`, or the last name alone, as a path. */
const pathOf = (topic: string) =>
  topic.startsWith('persistent://') ? topic.replace('://', '/') : `persistent/public/default/${topic}`

/** Plain WebSockets of one party. */
class Desk implements AsyncDisposable {
  readonly #url: string
  readonly #sockets: WebSocket[] = []
  readonly #producers = new Map<string, Promise<WebSocket>>()

  constructor(url: string) {
    this.#url = url
  }

  async #open(path: string): Promise<WebSocket> {
    const socket = new WebSocket(`${this.#url}/ws/v2${path}`)
    this.#sockets.push(socket)
    await once(socket, 'open')
    return socket
  }

  /** Resolves when the subscription is there. */
  async read(topic: string, each: (body: string, properties: Frame['properties']) => void): Promise<void> {
    const socket = await this.#open(`/consumer/${pathOf(topic)}/party?subscriptionType=Exclusive`)
    socket.on('message', data => {
      const { messageId, payload, properties } = JSON.parse(String(data)) as Frame
      each(Buffer.from(payload, 'base64').toString(), properties)
      socket.send(JSON.stringify({ messageId }))
    })
  }

  async send(topic: string, body: string, properties: Frame['properties']): Promise<void> {
    let opening = this.#producers.get(topic)
    if (opening === undefined) {
      opening = this.#open(`/producer/${pathOf(topic)}?batchingEnabled=false`)
      this.#producers.set(topic, opening)
    }
    const socket = await opening
    socket.send(JSON.stringify({ payload: Buffer.from(body).toString('base64'), properties, context: '1' }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.terminate()
  }
}

/** Says in the properties `reply-to` and `correlation-id` where its answers go. */
export class PulsarRequester implements Requester {
  readonly heard: Heard[] = []
  readonly #desk: Desk
  readonly #topic: string

  private constructor(desk: Desk, topic: string) {
    this.#desk = desk
    this.#topic = topic
  }

  /** Answers come to `TOPIC.mine`. */
  static async open(url: string, topic: string): Promise<PulsarRequester> {
    const requester = new PulsarRequester(new Desk(url), topic)
    await requester.#desk.read(`${topic}.mine`, (body, headers) => {
      const correlation = headers['correlation-id'] ?? ''
      requester.heard.push({ correlation, body, headers, error: headers['sluice-error'] })
    })
    return requester
  }

  async ask(questions: readonly Question[], replies = `${this.#topic}.mine`): Promise<void> {
    for (const { body, correlation } of questions)
      await this.#desk.send(this.#topic, body, {
        'reply-to': replies,
        'correlation-id': correlation.toString('hex'),
      })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#desk[Symbol.asyncDispose]()
  }
}

/** Answers to the topic in `reply-to` under the correlation id. */
export class PulsarResponder implements Responder {
  readonly asked: Asked[] = []
  mute = false
  readonly #desk: Desk

  private constructor(desk: Desk) {
    this.#desk = desk
  }

  static async open(url: string, topic: string): Promise<PulsarResponder> {
    const responder = new PulsarResponder(new Desk(url))
    await responder.#desk.read(topic, (body, properties) => responder.#answer(body, properties))
    return responder
  }

  #answer(body: string, properties: Frame['properties']): void {
    const { 'reply-to': replyTo = '', 'correlation-id': correlation = '' } = properties
    const asked = { body, correlation, replyTo }
    this.asked.push(asked)
    if (!this.mute) void this.#reply(asked)
  }

  async #reply({ body, correlation, replyTo }: Asked): Promise<void> {
    await this.#desk.send(replyTo, `re:${body}`, { 'correlation-id': correlation, by: 'pulsar' })
  }

  /** Answers what it was asked since the first `from` requests, answered or not. */
  async answerAll(from: number): Promise<void> {
    for (const asked of this.asked.slice(from)) await this.#reply(asked)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#desk[Symbol.asyncDispose]()
  }
}
