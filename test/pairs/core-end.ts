import { connect, headers, type MsgHdrs, type NatsConnection } from 'nats'
import { type Arrived, idOf, type Outgoing, type SourceEnd, type TargetEnd, until } from '../streams/ends.ts'

/** A subject of core NATS at its source end or its target end. Nothing is kept: who reads must have begun before. */
export class CoreEnd implements SourceEnd, TargetEnd {
  readonly connection: object
  readonly subject: string
  readonly arrived: Arrived[] = []
  readonly client: NatsConnection

  private constructor(url: string, subject: string, client: NatsConnection) {
    this.connection = { url }
    this.subject = subject
    this.client = client
  }

  static async open(url: string, subject: string): Promise<CoreEnd> {
    const servers = new URL(url).host
    return new CoreEnd(url, subject, await connect({ servers, maxReconnectAttempts: -1, reconnectTimeWait: 50 }))
  }

  get from(): object {
    return { subject: this.subject }
  }

  get to(): object {
    return { subject: this.subject, key: '${headers.key}' }
  }

  async send(messages: readonly Outgoing[]): Promise<void> {
    for (const { key, body, headers: more = {} } of messages) {
      const list = headers()
      for (const [name, value] of Object.entries(more)) list.append(name, value)
      if (key !== null) list.set('key', key)
      this.client.publish(this.subject, body ?? undefined, { headers: list })
    }
    await this.client.flush()
  }

  async left(): Promise<number> {
    return 0
  }

  /** Resolves when the server knows of the subscription. */
  async read(): Promise<void> {
    this.client.subscribe(this.subject, {
      callback: (_error, { data, headers: list }) => this.arrived.push(arrivedOf(Buffer.from(data), list)),
    })
    await this.client.flush()
  }

  /** Until nothing more has come for a second. */
  async drain(): Promise<readonly Arrived[]> {
    let seen = -1
    let since = performance.now()
    await until('nothing more comes', () => {
      if (this.arrived.length !== seen) since = performance.now()
      seen = this.arrived.length
      return performance.now() - since > 1_000
    })
    return this.arrived
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close()
  }
}

function arrivedOf(data: Buffer, list: MsgHdrs | undefined): Arrived {
  const texts = new Map([...(list ?? [])].map(([name, values]) => [name, values.at(-1)!]))
  const body = texts.get('sluice-null') === 'true' ? null : data
  const key = texts.get('key') ?? texts.get('sluice-key') ?? null
  return { id: idOf(body, texts), key, body, headers: texts, at: performance.now(), partition: 0 }
}
