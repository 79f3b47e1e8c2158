import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import WebSocket from 'ws'
import { type Arrived, idOf, type Outgoing, type SourceEnd, type TargetEnd, until } from './ends.ts'

export interface PulsarEndOptions {
  /** `ws://host:port` */
  readonly url: string
  readonly topic: string
  /** Default `public/default`. */
  readonly namespace?: string
  /** The token for a request or connection; asked each time. */
  readonly token?: () => string
  /** More of `from:` or `to:`. */
  readonly options?: object
}

/** A topic at its source end or its target end, by plain WebSockets. The topic stays when the end is closed. */
export class PulsarEnd implements SourceEnd, TargetEnd {
  readonly url: string
  readonly topic: string
  readonly connection: object
  readonly arrived: Arrived[] = []
  readonly #options: PulsarEndOptions
  readonly #path: string
  readonly #sockets: WebSocket[] = []
  #producer: Promise<WebSocket> | undefined
  #reading = false
  #sent = 0

  private constructor(options: PulsarEndOptions) {
    this.#options = options
    this.url = options.url
    this.topic = options.topic
    this.connection = { url: options.url, ...(options.namespace === undefined ? {} : { namespace: options.namespace }) }
    this.#path = `persistent/${options.namespace ?? 'public/default'}/${options.topic}`
  }

  /** Makes the topic, and the subscription that the route will use. */
  static async open(options: PulsarEndOptions): Promise<PulsarEnd> {
    const end = new PulsarEnd(options)
    const query = '?pullMode=true&subscriptionType=Failover&subscriptionInitialPosition=Earliest'
    const socket = await end.#socket(`consumer/${end.#path}/${end.subscription}${query}`)
    socket.close()
    await once(socket, 'close')
    return end
  }

  get subscription(): string {
    return `${this.topic}.group`
  }

  get from(): object {
    return { topic: this.topic, subscription: this.subscription, ...this.#options.options }
  }

  get to(): object {
    return { topic: this.topic, key: '${headers.key}', ...this.#options.options }
  }

  async #socket(path: string): Promise<WebSocket> {
    const { url } = this.#options
    const headers = this.#login()
    const socket = new WebSocket(`${url.replace(/\/$/, '')}/ws/v2/${path}`, { headers, maxPayload: 2 ** 26 })
    this.#sockets.push(socket)
    await once(socket, 'open')
    return socket
  }

  #login(): Record<string, string> {
    const { token } = this.#options
    return token === undefined ? {} : { authorization: `Bearer ${token()}` }
  }

  async send(messages: readonly Outgoing[]): Promise<void> {
    const socket = await (this.#producer ??= this.#socket(`producer/${this.#path}`))
    for (let i = 0; i < messages.length; i += 500) {
      const part = messages.slice(i, i + 500)
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      let confirmed = 0
      const onMessage = (data: unknown) => {
        const { result, errorMsg } = JSON.parse(String(data)) as { result: string; errorMsg?: string }
        if (result !== 'ok') reject(new Error(`${result}: ${errorMsg}`))
        if (++confirmed === part.length) resolve()
      }
      socket.on('message', onMessage)
      for (const { key, body, headers = {} } of part)
        socket.send(
          JSON.stringify({
            context: String(this.#sent++),
            payload: (body ?? Buffer.alloc(0)).toString('base64'),
            properties: {
              ...headers,
              ...(key === null ? {} : { key }),
              ...(body === null ? { 'sluice-null': 'true' } : {}),
            },
            ...(key === null ? {} : { key }),
          }),
        )
      await promise
      socket.off('message', onMessage)
    }
  }

  /** By the admin API: exact once no gateway consumes. */
  async left(): Promise<number> {
    const stats = (await this.#admin('stats?getPreciseBacklog=true')) as {
      subscriptions: Record<string, { msgBacklog: number } | undefined>
    }
    return stats.subscriptions[this.subscription]?.msgBacklog ?? 0
  }

  /** Messages in the topic. None is deleted at a target end, where nobody acks for the subscription that `open` made. */
  async count(): Promise<number> {
    const { numberOfEntries } = (await this.#admin('internalStats')) as { numberOfEntries: number }
    return numberOfEntries
  }

  async #admin(what: string): Promise<unknown> {
    const { url } = this.#options
    const headers = this.#login()
    const address = `${url.replace(/^ws/, 'http').replace(/\/$/, '')}/admin/v2/${this.#path}/${what}`
    const response = await fetch(address, { headers, signal: AbortSignal.timeout(30_000) })
    if (!response.ok) throw new Error(`${address}: ${response.status}`)
    return response.json()
  }

  /** Starts to read the topic from its beginning into `arrived`, in a subscription of its own; once. */
  async read(): Promise<void> {
    if (this.#reading) return
    this.#reading = true
    const subscription = `witness-${randomUUID()}`
    const query = 'subscriptionType=Exclusive&subscriptionInitialPosition=Earliest&receiverQueueSize=1000'
    const socket = await this.#socket(`consumer/${this.#path}/${subscription}?${query}`)
    socket.on('message', data => {
      const frame = JSON.parse(String(data)) as Frame
      socket.send(JSON.stringify({ messageId: frame.messageId }))
      this.arrived.push(arrivedOf(frame))
    })
  }

  async drain(): Promise<readonly Arrived[]> {
    await this.read()
    const count = await this.count()
    await until(
      () => `the witness has read ${this.topic} to its end; it has ${this.arrived.length} of ${count}`,
      () => this.arrived.length >= count,
    )
    return this.arrived
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.terminate()
  }
}

interface Frame {
  readonly messageId: string
  readonly payload: string
  readonly properties?: Readonly<Record<string, string>>
  readonly key?: string
}

function arrivedOf({ payload, properties = {}, key }: Frame): Arrived {
  const headers = new Map(Object.entries(properties))
  const body = headers.get('sluice-null') === 'true' ? null : Buffer.from(payload, 'base64')
  return { id: idOf(body, headers), key: key ?? null, body, headers, at: performance.now(), partition: 0 }
}
