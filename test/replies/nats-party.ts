import { connect, headers, type Msg, type NatsConnection } from 'nats'
import type { Asked, Heard, Question, Requester, Responder } from './parties.ts'

const client = (url: string) => connect({ servers: new URL(url).host })

/** By `request` of the client library, which has a reply subject for each question and no correlation id. */
export class NatsRequester implements Requester {
  readonly heard: Heard[] = []
  /** Of questions that the client library gave up. */
  readonly failures: unknown[] = []
  readonly #client: NatsConnection
  readonly #subject: string

  private constructor(client: NatsConnection, subject: string) {
    this.#client = client
    this.#subject = subject
  }

  static async open(url: string, subject: string): Promise<NatsRequester> {
    return new NatsRequester(await client(url), subject)
  }

  async ask(questions: readonly Question[]): Promise<void> {
    for (const question of questions)
      this.#client.request(this.#subject, question.body, { timeout: 30_000 }).then(
        answer => this.#hear(question, answer),
        error => this.failures.push(error),
      )
    await this.#client.flush()
  }

  #hear({ correlation }: Question, answer: Msg): void {
    const list = Object.fromEntries([...(answer.headers ?? [])].map(([name, [value]]) => [name, value]))
    this.heard.push({
      correlation: correlation.toString('hex'),
      body: answer.string(),
      headers: list,
      error: list['sluice-error'],
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close()
  }
}

/** By `respond` of the client library, which sends to the reply subject and echoes nothing. */
export class NatsResponder implements Responder {
  readonly asked: Asked[] = []
  mute = false
  readonly #client: NatsConnection

  private constructor(client: NatsConnection) {
    this.#client = client
  }

  static async open(url: string, subject: string): Promise<NatsResponder> {
    const responder = new NatsResponder(await client(url))
    responder.#client.subscribe(subject, { callback: (_, message) => responder.#answer(message) })
    await responder.#client.flush()
    return responder
  }

  #answer(message: Msg): void {
    const body = message.string()
    this.asked.push({
      body,
      correlation: message.headers?.get('correlation-id') ?? '',
      replyTo: message.reply ?? '',
    })
    if (this.mute) return
    const list = headers()
    list.set('by', 'nats')
    message.respond(`re:${body}`, { headers: list })
  }

  /** After it the server knows that nobody listens any more; a mere close tells it some time later. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#client.isClosed()) await this.#client.drain()
  }
}
