import { setTimeout as sleep } from 'node:timers/promises'
import { Headers } from '../../src/core/headers.ts'
import { Message, type Properties } from '../../src/core/message.ts'
import { Bell } from '../../src/drivers/memory/bell.ts'
import type { MemoryBroker } from '../../src/drivers/memory/broker.ts'
import { type Stored, store } from '../../src/drivers/memory/stored.ts'
import type { Lab } from './lab.ts'

export interface Question {
  readonly body: string
  readonly correlation: string | undefined
  readonly replyTo: string | undefined
  readonly headers: Headers
}

/** What a responder says to a question; undefined = nothing. */
export type Behaviour = (question: Question) => string | undefined | Promise<string | undefined>

/** Reads requests at `there`/out and answers them where they say; says `re:` and the body unless told otherwise. */
export class Responder implements AsyncDisposable {
  readonly asked: Question[] = []
  /** More of each answer. */
  properties: Properties = {}
  headers = Headers.EMPTY
  readonly #broker: MemoryBroker
  readonly #stop = new AbortController()
  readonly #running: Promise<void>

  constructor(lab: Lab, behave: Behaviour = ({ body }) => `re:${body}`, address = 'out') {
    this.#broker = lab.there
    this.#running = this.#run(address, behave)
  }

  async #run(address: string, behave: Behaviour): Promise<void> {
    const bell = new Bell()
    const subscription = this.#broker.place(address).subscribe('responder', bell)
    while (!this.#stop.signal.aborted) {
      for (const taken of subscription.take(100, 1e9)) {
        subscription.ack(taken)
        const { properties, bytes, headers } = taken.stored
        const { correlationId: correlation, replyTo } = properties
        const question = { body: String(bytes), correlation, replyTo, headers }
        this.asked.push(question)
        void Promise.resolve(behave(question)).then(answer => answer !== undefined && this.reply(question, answer))
      }
      await bell.wait(this.#stop.signal, 5)
    }
    subscription.close()
  }

  /** False when the address is gone. */
  reply({ correlation, replyTo }: Question, answer: string): boolean {
    try {
      this.#broker
        .place(replyTo!)
        .append(note(answer, { ...this.properties, correlationId: correlation! }, this.headers))
      return true
    } catch {
      return false
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
  }
}

export interface Heard {
  readonly body: string
  readonly correlation: string | undefined
  readonly error: string | undefined
  readonly stored: Stored
}

/** Puts requests into `here`/in and hears answers at `here`/answers. */
export class Requester {
  readonly #lab: Lab
  readonly address: string

  constructor(lab: Lab, address = 'answers') {
    this.#lab = lab
    this.address = address
    lab.here.create(address, { mode: 'queue' })
  }

  ask(body: string, correlationId: string = body, more: { readonly key?: string } = {}): void {
    const { key = null } = more
    const properties = { messageId: `m-${correlationId}`, replyTo: this.address, correlationId }
    this.#lab.send({ id: `m-${correlationId}`, key, bytes: Buffer.from(JSON.stringify(body)), properties })
  }

  get heard(): readonly Heard[] {
    return this.#lab.here.contents(this.address).map(stored => ({
      body: String(stored.bytes),
      correlation: stored.properties.correlationId,
      error: stored.headers.text('sluice-error'),
      stored,
    }))
  }
}

function note(body: string, properties: Properties, headers: Headers): Stored {
  return store(
    new Message({
      key: null,
      subject: '',
      headers,
      bytes: Buffer.from(body),
      timestamp: Date.now(),
      properties,
      source: { connection: '', address: '', sequence: '', position: '', attempt: 1 },
    }),
  )
}

/** Answers after a while. */
export const slowly =
  (ms: number): Behaviour =>
  async ({ body }) => {
    await sleep(ms)
    return `re:${body}`
  }

export const silent: Behaviour = () => undefined
