import type { EachBatchPayload } from 'kafkajs'
import { SluiceError } from '../../core/errors.ts'
import type { Delivery, EndpointContext, Source } from '../../core/ports.ts'
import { SUSPECT_FROM } from '../../core/suspect.ts'
import { abortable, pause } from '../../core/waiting.ts'
import { behind } from './behind.ts'
import { Bell } from './bell.ts'
import { Commits, type OffsetCommits } from './commits.ts'
import type { Consumer } from './consumer.ts'
import { KafkaDelivery, type Settlement } from './delivery.ts'
import { kafkaError, kafkaName } from './errors.ts'
import { type Held, Inbox } from './inbox.ts'
import { Membership } from './membership.ts'
import { Recollection } from './recollection.ts'
import type { KafkaRecord } from './record-decoder.ts'
import { heldBytes, toMessage } from './record-message.ts'
import type { SourceSettings } from './source-settings.ts'
import { stableOffsets } from './stable-offsets.ts'
import { committedOffsets } from './start-offsets.ts'
import { TransactionalCommits } from './transactional-commits.ts'
import { KafkaTransactions, type Receiving } from './transactions.ts'
import type { Watched } from './watchdog.ts'

// How long a fetched batch may wait for room before its partitions are paused. Pausing costs up to fetch.maxWait when
// room comes, so short stalls are better waited out; heartbeats go on meanwhile.
const PATIENCE = 1_000
const MOST_AT_ONCE = 1_024
// A released record is not delivered again at once: that would be a hot loop.
const LEAST_DELAY = 20
const CLOSE_DEADLINE = 10_000
const REJOINS: ReadonlySet<string> = new Set(['ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'REBALANCE_IN_PROGRESS'])
/** A coordinator that is away must not hold up the records. */
const ANNOUNCE_DEADLINE = 3_000

/** Deliveries of a consumer group's partitions. */
export class KafkaSource implements Source, Settlement, Watched, Receiving {
  readonly membership: Membership
  readonly #settings: SourceSettings
  readonly #context: EndpointContext
  readonly #connection: string
  readonly #stop = new AbortController()
  readonly #bell = new Bell()
  readonly #inbox = new Inbox()
  readonly #commits: OffsetCommits
  readonly #transactions: KafkaTransactions | undefined
  readonly #delays = new Set<NodeJS.Timeout>()
  #consumer: Consumer | undefined
  #failure: SluiceError | undefined
  #paused = false
  #receiving = true
  #closing: Promise<void> | undefined
  #lastRecords = Date.now()
  readonly #parts = new AsyncDisposableStack()

  constructor(settings: SourceSettings, context: EndpointContext, connection: string) {
    this.#settings = settings
    this.#context = context
    this.#connection = connection
    this.membership = new Membership(settings, context, this.#bell, this.#rebalances(), this.#stop.signal)
    const { log } = context
    const tenures = () => this.membership.tenures
    const transactions = KafkaTransactions.of(context)
    this.#transactions = transactions
    if (transactions === undefined) {
      this.#commits = new Commits(tenures, () => this.membership.relocate(), settings, log)
      this.membership.commitThrough(this.#commits, committedOffsets, new Recollection())
    } else {
      const stable = stableOffsets(transactions, settings.heartbeatInterval, log, this.#stop.signal)
      this.#commits = new TransactionalCommits(tenures, transactions, settings)
      this.membership.commitThrough(this.#commits, stable)
      transactions.receive(this)
    }
  }

  /** Joins the group. Throws what keeps the consumer from starting. */
  async start(consumer: Consumer, signal: AbortSignal): Promise<void> {
    this.#consumer = consumer
    await abortable(
      consumer.run(batch => this.#accept(batch)),
      signal,
    )
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Disposed of together with the source. */
  owns(part: AsyncDisposable | Disposable): void {
    this.#parts.use(part)
  }

  /** Topics appeared that this consumer cannot take up: it finishes what is in flight and gives way to a new source. */
  async renew(topics: readonly string[]): Promise<void> {
    await this.membership.finish()
    this.fail(new SluiceError('CHANNEL_LOST', `new topics match the pattern (${topics.join(', ')}); consuming anew`))
  }

  /** The consumer cannot go on: `receive` throws. */
  fail(error: unknown): void {
    this.#failure ??= kafkaError(error, `consuming as group ${this.#settings.group}`)
    this.#bell.ring()
  }

  // Where the group has gone on without us, the next heartbeat meets it and joins again.
  aborted(error: SluiceError): void {
    const { joining } = this.membership
    this.membership.fence()
    if (joining || this.#failure !== undefined) return
    if (kafkaName(error) !== undefined && REJOINS.has(kafkaName(error)!)) this.#pause()
    else this.fail(error)
  }

  /** False while nothing is fetched because of a rebalance, or because enough is held. */
  get fetching(): boolean {
    if (this.membership.joiningFor > 0) return this.membership.joiningFor > 2 * this.#settings.rebalanceTimeout
    return !this.#paused && this.#receiving && !this.#stop.signal.aborted
  }

  async *receive(signal: AbortSignal): AsyncGenerator<readonly Delivery[]> {
    try {
      while (!signal.aborted && !this.#stop.signal.aborted) {
        if (this.#failure !== undefined) throw this.#failure
        const deliveries = this.#take()
        if (isSuspect(deliveries[0])) await this.#announce(deliveries[0]!, signal)
        if (deliveries.length > 0) yield deliveries
        else await this.#bell.wait(signal)
      }
    } finally {
      this.#receiving = false
      this.#pause()
    }
  }

  reachable(signal: AbortSignal): Promise<boolean> {
    return this.#consumer?.reachable(signal) ?? Promise.resolve(false)
  }

  get lastFetch(): number {
    return this.#consumer?.lastFetch ?? 0
  }

  get lastRecords(): number {
    return this.#lastRecords
  }

  async lag(signal: AbortSignal): Promise<number | undefined> {
    const behind = await this.behind(signal)
    return behind === undefined ? undefined : behind + this.#inbox.waiting
  }

  async behind(signal: AbortSignal): Promise<number | undefined> {
    const { group, tenures } = this.membership
    return group === undefined || this.membership.joining ? undefined : behind(group, tenures, signal)
  }

  acked(held: Held): void {
    held.tenure.settle(held.offset)
    this.#inbox.settled(held)
    // What may have stopped the process is committed at once: the count then stays with the one that did.
    if (held.message.source.attempt > 2) void this.#commits.flush()
    else this.#commits.settled()
    this.#changed()
  }

  released(held: Held, delayMs: number): void {
    held.tenure.giveBack()
    const timer = setTimeout(
      () => {
        this.#delays.delete(timer)
        if (held.tenure.ended) return
        const { message } = held
        const source = { ...message.source, attempt: message.source.attempt + 1 }
        this.#inbox.addAgain({ ...held, message: message.with({ source }) })
        this.#bell.ring()
      },
      Math.max(delayMs, LEAST_DELAY),
    )
    this.#delays.add(timer)
    this.#changed()
  }

  /** Commits what was acked, gives the partitions up and leaves the group. */
  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    this.#receiving = false
    this.#pause()
    for (const timer of this.#delays) clearTimeout(timer)
    // First of all, and within seconds: what somebody else takes over must not count here any more, and this consumer must
    // not join again, however long the rest takes to close.
    await this.membership.giveUp('close')
    this.#transactions?.received(this)
    this.#commits.stop()
    this.#stop.abort(new SluiceError('ABORTED', 'the source is closed'))
    this.#bell.ring()
    await this.#parts.disposeAsync()
    const closed = new AbortController()
    await Promise.race([this.#consumer?.close(), pause(CLOSE_DEADLINE, closed.signal)])
    closed.abort()
  }

  #take(): KafkaDelivery[] {
    const deliveries: KafkaDelivery[] = []
    if (this.membership.joining) return deliveries
    while (deliveries.length < MOST_AT_ONCE && !isSuspect(deliveries[0])) {
      const next = this.#inbox.peek(this.#context.inFlight)
      const crowded = this.#transactions !== undefined && next?.tenure.crowded === true
      if (crowded || (deliveries.length > 0 && isSuspect(next))) break
      const held = this.#inbox.take(this.#context.inFlight)
      if (held === undefined) break
      if (held.tenure.ended) continue
      held.tenure.handOut(held.offset)
      deliveries.push(new KafkaDelivery(held, this))
    }
    if (deliveries.length > 0) this.#changed()
    return deliveries
  }

  // What may stop the process goes out alone, and the commit says so first: after a kill only its count has grown.
  async #announce({ held }: KafkaDelivery, signal: AbortSignal): Promise<void> {
    const { tenure, offset } = held
    tenure.attempts.alone(offset)
    const late = new AbortController()
    const given = AbortSignal.any([signal, this.#stop.signal, late.signal])
    await Promise.race([this.#commits.announce(tenure), pause(ANNOUNCE_DEADLINE, given)])
    late.abort()
  }

  /** Takes a fetched batch over and returns when there is room for more, or has paused fetching. */
  async #accept({ batch, resolveOffset }: EachBatchPayload): Promise<void> {
    const tenure = this.membership.tenure(batch.topic, batch.partition)
    if (tenure === undefined || this.membership.joining || this.#stop.signal.aborted) return
    for (const record of batch.messages as unknown as readonly KafkaRecord[]) {
      const offset = Number(record.offset)
      if (offset < tenure.position || tenure.passes(offset)) continue
      const message = toMessage(record, tenure, this.#connection)
      tenure.take(offset)
      this.#inbox.add({ tenure, offset, message, size: heldBytes(record) })
    }
    // kafkajs fetches on from here; what is committed is another matter.
    resolveOffset(batch.lastOffset())
    tenure.skipTo(Number(batch.lastOffset()) + 1)
    this.#bell.ring()
    this.#lastRecords = Date.now()
    const deadline = Date.now() + PATIENCE
    while (!this.#roomy && this.#receiving && !this.membership.joining && !this.#stop.signal.aborted) {
      const left = deadline - Date.now()
      if (left <= 0) return this.#pause()
      await this.#bell.wait(this.#stop.signal, left)
    }
  }

  get #roomy(): boolean {
    const { inFlight, inFlightBytes } = this.#context
    return this.#inbox.waiting <= inFlight / 2 && this.#inbox.bytes < inFlightBytes
  }

  #changed(): void {
    this.#bell.ring()
    if (this.#paused && this.#receiving && this.#roomy) this.#resume()
  }

  #pause(): void {
    this.#paused = true
    this.membership.group?.pause(this.#assigned())
  }

  #resume(): void {
    this.#paused = false
    this.membership.group?.resume(this.#assigned())
  }

  #assigned(): { topic: string; partitions: number[] }[] {
    return (this.membership.group?.assigned() ?? []).map(({ topic, partitions }) => ({
      topic,
      partitions: [...partitions],
    }))
  }

  #rebalances() {
    return {
      fenced: () => {
        for (const timer of this.#delays) clearTimeout(timer)
        this.#delays.clear()
        this.#inbox.clear()
        this.#bell.ring()
      },
      assigned: () => {
        if (this.#receiving) this.#resume()
        else this.#pause()
        this.#bell.ring()
      },
    }
  }
}

const isSuspect = (one: Pick<Held, 'message'> | undefined) =>
  one !== undefined && one.message.source.attempt >= SUSPECT_FROM
