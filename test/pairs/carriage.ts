import type { Broker } from '../brokers/broker.ts'
import { given } from '../brokers/given.ts'
import type { BrokerInfo } from '../brokers/kinds.ts'
import { type Account, account } from '../streams/account.ts'
import type { Outgoing } from '../streams/ends.ts'
import { RabbitEnd } from '../streams/rabbit-end.ts'
import { cargo, wrongHeaders } from './cargo.ts'
import type { End, PairKind } from './kinds.ts'

const COUNT = 2_000
const KEYS = 40
/** Parts in which a source that keeps nothing is fed: one for each gateway that listens. */
const PARTS = 3

/** What one source has sent into the target, and what became of it. */
export class Carriage implements AsyncDisposable {
  readonly source: PairKind
  readonly target: PairKind
  /** Of the route, the source's address and the target's. */
  readonly name: string
  readonly sent: readonly Outgoing[]
  readonly #from: End
  readonly #targetUrl: string
  #witness: End | undefined

  private constructor(source: PairKind, target: PairKind, name: string, from: End, targetUrl: string) {
    this.source = source
    this.target = target
    this.name = name
    this.#from = from
    this.#targetUrl = targetUrl
    this.sent = cargo({ name: source.name, count: COUNT, keys: KEYS, nulls: source.sendsNull })
  }

  /** Makes both addresses, and puts everything into a source that keeps it. */
  static async open(
    source: PairKind,
    at: BrokerInfo,
    target: PairKind,
    broker: Broker,
    run: string,
  ): Promise<Carriage> {
    const name = `${source.name}-${target.name}-${run}`
    await source.create(at.url, name)
    await target.create(broker.url, name)
    await using rabbit = await dead(name)
    await rabbit.channel.assertQueue(rabbit.queue, { durable: true, arguments: { 'x-queue-type': 'classic' } })
    const carriage = new Carriage(source, target, name, await source.open(at.url, name), broker.url)
    if (target.fleeting) await carriage.#read()
    if (!source.fleeting) await carriage.#from.send(carriage.sent)
    return carriage
  }

  /** What a source that keeps nothing is fed while gateway `life` listens. */
  part(life: number): readonly Outgoing[] {
    const size = Math.ceil(COUNT / PARTS)
    return this.sent.slice(life * size, (life + 1) * size)
  }

  async feed(life: number): Promise<void> {
    if (this.source.fleeting) await this.#from.send(this.part(life))
  }

  get route(): object {
    return {
      from: { connection: this.source.name, ...this.#from.from, ...this.source.from },
      to: { connection: 'target', ...this.#to, ...this.target.to },
      order: { by: '${headers.key}' },
      // So slow that kills and restart come in mid-stream.
      rate: '200/s',
      deadLetter: { connection: 'rabbitmq', queue: `${this.name}.dead`, type: 'classic' },
    }
  }

  get #to(): object {
    const { name, target } = this
    switch (target.name) {
      case 'rabbitmq':
        return { queue: name, type: 'quorum' }
      case 'kafka':
      case 'pulsar':
        return { topic: name, key: '${headers.key}' }
      case 'jetstream':
        return { stream: name, subject: name, key: '${headers.key}' }
      default:
        return { subject: name, key: '${headers.key}' }
    }
  }

  /** What the source has not seen settled. */
  left(): Promise<number> {
    return this.#from.left()
  }

  async #read(): Promise<End> {
    if (this.#witness === undefined) {
      this.#witness = await this.target.open(this.#targetUrl, this.name)
      await this.#witness.read()
    }
    return this.#witness
  }

  /** Counts at the target. Gateways must be gone. */
  async count(): Promise<Account & { readonly headers: readonly string[] }> {
    const arrived = await (await this.#read()).drain()
    const expected = this.target.seesNull
      ? this.sent
      : this.sent.map(one => (one.body === null ? { ...one, body: Buffer.alloc(0) } : one))
    return { ...account(expected, arrived), headers: wrongHeaders(this.sent, arrived, this.source.broker === 'nats') }
  }

  /** How many messages the gateways have put aside. */
  async putAside(): Promise<number> {
    await using rabbit = await dead(this.name)
    return (await rabbit.channel.deleteQueue(rabbit.queue)).messageCount
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#from[Symbol.asyncDispose]()
    await this.#witness?.[Symbol.asyncDispose]()
  }
}

const dead = (name: string) => RabbitEnd.open({ url: given('rabbitmq4').url, queue: `${name}.dead`, type: 'none' })
