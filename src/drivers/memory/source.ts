import { SluiceError } from '../../core/errors.ts'
import type { Delivery, EndpointContext, Source } from '../../core/ports.ts'
import { Bell, pause } from './bell.ts'
import type { MemoryBroker } from './broker.ts'
import type { Client, Session } from './client.ts'
import { MemoryDelivery, type Settler } from './delivery.ts'
import type { Place, Subscription } from './place.ts'
import type { Line } from './reach.ts'

/** Most messages handed out at once. */
const BATCH = 256
/** Shortest wait before a released message comes again, in ms: a consumer that keeps releasing must not spin. */
const SHORTEST_RELEASE_MS = 5

export interface SourcePlace {
  readonly connection: string
  readonly broker: MemoryBroker
  readonly client: Client
  readonly address: string
  readonly group: string
  readonly place: Place
  /** Called once the source was disposed of. */
  readonly left: (source: Source) => void
}

export class MemorySource implements Source, Settler, Line, Session {
  readonly #at: SourcePlace
  readonly #context: EndpointContext
  readonly #bell = new Bell()
  readonly #subscription: Subscription
  readonly #closed = new AbortController()
  readonly #unsettled = new Set<MemoryDelivery>()
  #bytes = 0
  #epoch = 0
  /** Settled here and not yet at the broker. */
  #pending: { readonly delivery: MemoryDelivery; readonly how: 'ack' | 'release'; readonly delayMs: number }[] = []
  /** Of those, given back: until the broker holds them back they count as in flight. */
  #releasing = 0
  #flush: NodeJS.Immediate | NodeJS.Timeout | undefined
  #lost: SluiceError | undefined
  #dead = false
  #receiving = false

  constructor(at: SourcePlace, context: EndpointContext) {
    this.#at = at
    this.#context = context
    this.#subscription = at.place.subscribe(at.group, this.#bell)
    at.broker.reach.attach(this)
    at.client.sessions.add(this)
  }

  async *receive(signal: AbortSignal): AsyncGenerator<readonly Delivery[], void, void> {
    if (this.#receiving) throw new SluiceError('UNKNOWN', 'receive() is called once per source')
    this.#receiving = true
    const { broker, address } = this.#at
    const stop = AbortSignal.any([signal, this.#closed.signal])
    while (!stop.aborted) {
      const faults = broker.faultsOf(address)
      await pause(faults.wait('receiveMs'), stop)
      if (stop.aborted) return
      if (this.#lost === undefined && this.#ready() && faults.happens('breakReceive'))
        this.cut(new SluiceError('CONNECTION_LOST', 'the connection broke (a fault on demand)'))
      if (this.#lost !== undefined) throw this.#lost
      const batch = this.#dead || broker.reach.frozen ? [] : this.#take()
      if (batch.length > 0) yield batch
      else await this.#bell.wait(stop, this.#room() > 0 && !this.#dead ? this.#subscription.dueInMs() : undefined)
    }
  }

  get closed(): boolean {
    return this.#closed.signal.aborted
  }

  async lag(): Promise<number | undefined> {
    return this.#dead || this.#lost !== undefined ? undefined : this.#subscription.lag
  }

  settle(delivery: MemoryDelivery, how: 'ack' | 'release', delayMs: number): void {
    if (!this.#unsettled.delete(delivery)) return
    const wasFull = this.#room() <= 1 || this.#bytes >= this.#context.inFlightBytes
    this.#bytes -= delivery.taken.stored.size
    if (wasFull) this.#bell.ring()
    this.#pending.push({ delivery, how, delayMs })
    if (how === 'release') this.#releasing++
    if (this.#flush !== undefined) return
    const wait = this.#at.broker.faultsOf(this.#at.address).wait('ackMs')
    this.#flush = wait > 0 ? setTimeout(() => this.#send(), wait) : setImmediate(() => this.#send())
  }

  cut(error: SluiceError): void {
    if (this.#lost !== undefined) return
    this.#lost = error
    this.#leave()
  }

  nudge(): void {
    const { broker, address, place } = this.#at
    if (!broker.holds(address, place))
      this.cut(new SluiceError('CHANNEL_LOST', `memory address "${address}" was deleted`))
    this.#bell.ring()
  }

  die(): void {
    this.#dead = true
    this.#leave()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed.signal.aborted) return
    this.#closed.abort()
    if (!this.#dead && this.#lost === undefined) {
      this.#send()
      this.#at.broker.reach.send(() => this.#leave())
    }
    this.#at.client.sessions.delete(this)
    this.#at.left(this)
  }

  #ready(): boolean {
    return this.#room() > 0 && this.#subscription.lag > 0
  }

  #room(): number {
    this.#forgetExpired()
    return this.#context.inFlight - this.#unsettled.size - this.#releasing
  }

  // Invariant 6: never more than inFlight messages, or, beyond the first, inFlightBytes, are unsettled.
  #take(): readonly MemoryDelivery[] {
    const { broker, address, connection } = this.#at
    const room = this.#room()
    const bytes = this.#context.inFlightBytes - this.#bytes
    if (room <= 0 || (bytes <= 0 && this.#unsettled.size > 0)) return []
    return this.#subscription.take(Math.min(room, BATCH), bytes).map(taken => {
      const { sequence, position, attempt, identity, stored } = taken
      const record = broker.ledger?.delivered(address, stored.id, position, attempt)
      const origin = { connection, address, sequence, position, attempt, identity: `${broker.name}/${identity}` }
      const delivery = new MemoryDelivery(taken, origin, record, this)
      this.#unsettled.add(delivery)
      this.#bytes += stored.size
      return delivery
    })
  }

  #forgetExpired(): void {
    if (this.#epoch === this.#subscription.epoch) return
    this.#epoch = this.#subscription.epoch
    for (const delivery of this.#unsettled) {
      if (delivery.taken.live) continue
      this.#unsettled.delete(delivery)
      this.#bytes -= delivery.taken.stored.size
    }
  }

  #send(): void {
    this.#stopFlush()
    const { broker, address } = this.#at
    const sent = this.#pending
    this.#pending = []
    this.#releasing = 0
    this.#bell.ring()
    broker.reach.send(() => {
      for (const { delivery, how, delayMs } of sent) {
        const { taken, record } = delivery
        if (!taken.live) continue
        if (record !== undefined) record.outcome = how === 'ack' ? 'acked' : 'released'
        if (how === 'release') this.#subscription.release(taken, Math.max(delayMs, SHORTEST_RELEASE_MS))
        else if (broker.faultsOf(address).happens('redeliver')) this.#subscription.redeliver(taken)
        else this.#subscription.ack(taken)
      }
    })
  }

  #stopFlush(): void {
    clearTimeout(this.#flush as NodeJS.Timeout | undefined)
    clearImmediate(this.#flush as NodeJS.Immediate | undefined)
    this.#flush = undefined
  }

  // Without the pending acks: what the broker has not heard of comes again.
  #leave(): void {
    this.#stopFlush()
    this.#pending = []
    this.#subscription.close()
    this.#at.broker.reach.detach(this)
    this.#bell.ring()
  }
}
