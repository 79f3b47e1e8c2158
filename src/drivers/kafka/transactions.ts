import { randomUUID } from 'node:crypto'
import { SluiceError } from '../../core/errors.ts'
import type { EndpointContext, TransactionContext, Transactions } from '../../core/ports.ts'
import { abortable, pause } from '../../core/waiting.ts'
import type { Address } from './address.ts'
import { kafkaError } from './errors.ts'
import type { Group } from './kafkajs.ts'
import type { Identity } from './producer-identity.ts'
import { type OffsetOf, TransactionClient } from './transaction-client.ts'

/** How long closing waits for the broker to end what is open; it would do so by itself after the time-out. */
const LAST_WORD = 2_000

/** A sink that publishes into the transactions. */
export interface Publishing {
  /** The transaction is aborted: everything still out has failed. */
  broken(): void
}

/** The source that acks into the transactions. */
export interface Receiving {
  /** The transaction is aborted: what was handed out has expired, and comes again. */
  aborted(error: SluiceError): void
}

/** What a transaction says of the group's place; drawn up in the very moment of the commit. */
export interface Positions {
  readonly group: Group
  readonly offsets: readonly OffsetOf[]
}

/**
 * The transactions of one route, one after the other: records and offsets of the group, committed together.
 *
 * Whatever goes wrong, there is one way out: `abort`. It fences what was handed out, fails what is being published, and asks
 * for a new epoch of the transactional id, which makes the broker abort what is open and refuse what is still on its way. The
 * source then begins again at what the group has committed, and only reads that once no transaction can change it any more.
 */
export class KafkaTransactions implements Transactions {
  /** Of this process and route alone: nobody else's transactions are fenced. What is left of a killed one times out. */
  readonly id: string
  readonly timeout: number
  readonly #client: TransactionClient
  readonly #context: TransactionContext
  readonly #closed = new AbortController()
  readonly #sinks = new Set<Publishing>()
  /** Partitions that are part of the transaction under way. */
  readonly #added = new Set<string>()
  /** Who counts the sequence numbers of a partition under this epoch. */
  readonly #owners = new Map<string, object>()
  /** One that closes may be there beside the next. */
  readonly #sources = new Set<Receiving>()
  /** Commits that are asked for and not over. */
  #commits = 0
  #identity: Promise<Identity> | undefined
  /** Counts what was aborted. */
  #serial = 0
  /** Ends what is being asked for the transaction under way. */
  #open = new AbortController()
  #closing: Promise<void> | undefined

  constructor(address: Address, timeout: number, context: TransactionContext) {
    this.id = `sluice.${context.route}.${randomUUID()}`
    this.timeout = timeout
    this.#context = context
    this.#client = new TransactionClient(address, this.id)
  }

  /** What an endpoint takes part in. */
  static of({ transactions }: Pick<EndpointContext, 'transactions'>): KafkaTransactions | undefined {
    if (transactions === undefined || transactions instanceof KafkaTransactions) return transactions
    throw new SluiceError('NOT_SUPPORTED', 'these transactions are not of Kafka')
  }

  /** The sink takes part from now on. */
  join(sink: Publishing): void {
    this.#sinks.add(sink)
  }

  /** The sink is closed. What its transmitter published under this epoch no other can go on with. */
  leave(sink: Publishing, transmitter: object): void {
    this.#sinks.delete(sink)
    if (![...this.#owners.values()].includes(transmitter)) return
    if (this.#added.size > 0) return this.abort('a sink of the route was closed')
    this.#owners.clear()
    this.#identity = undefined
  }

  /** The source takes part from now on. */
  receive(source: Receiving): void {
    this.#sources.add(source)
  }

  /** The source is closed: it has given up all it handed out. */
  received(source: Receiving): void {
    this.#sources.delete(source)
  }

  /**
   * Partitions are assigned anew, and all that was handed out before has expired: what was published of it and is not
   * committed never will be. Waits until the broker has ended whatever was open.
   */
  async renew(signal: AbortSignal): Promise<void> {
    if (this.#added.size > 0 || this.#commits > 0) this.abort('the partitions were assigned anew')
    await this.identity(signal)
  }

  /** Changes with every abort: what began under another one has failed. */
  get serial(): number {
    return this.#serial
  }

  /** Under which to publish now. Asks for it with patience; throws what refuses it for good. */
  async identity(signal: AbortSignal = this.#closed.signal): Promise<Identity> {
    if (this.#identity === undefined) {
      const asked = this.#client.identify(this.timeout, this.#closed.signal)
      this.#identity = asked
      asked.catch(() => {
        if (this.#identity === asked) this.#identity = undefined
      })
    }
    try {
      return await abortable(this.#identity, signal)
    } catch (error) {
      signal.throwIfAborted()
      throw kafkaError(error, `the transactional id ${this.id}`)
    }
  }

  /** Must be waited for before the first record for a partition. Throws what aborts the transaction. */
  async add(
    transmitter: object,
    partitions: readonly { readonly topic: string; readonly partition: number }[],
  ): Promise<void> {
    const fresh = partitions.filter(({ topic, partition }) => {
      const sequence = `${topic}/${partition}`
      if ((this.#owners.get(sequence) ?? transmitter) !== transmitter)
        throw new SluiceError('OPTIONS_INVALID', `the target and the dead letters both go to ${topic}`, {
          hint: 'With exactly-once they need different topics, or `deadLetter` a connection of its own.',
        })
      return !this.#added.has(sequence)
    })
    if (fresh.length === 0) return
    const serial = this.#serial
    const identity = await this.identity()
    if (serial === this.#serial) await this.#client.addPartitions(identity, fresh, this.#patience)
    if (serial !== this.#serial) throw new SluiceError('TRANSACTION_ABORTED', 'the transaction was aborted meanwhile')
    for (const { topic, partition } of fresh) {
      this.#added.add(`${topic}/${partition}`)
      this.#owners.set(`${topic}/${partition}`, transmitter)
    }
  }

  /**
   * Commits what was published together with the positions, in a moment in which both agree. `withinMs`: how long to wait for
   * that moment. Throws after it has aborted.
   */
  async commit(positions: () => Positions, withinMs = this.timeout / 2): Promise<void> {
    const serial = this.#serial
    this.#commits++
    try {
      await this.#context.still(() => {
        if (serial !== this.#serial)
          throw new SluiceError('TRANSACTION_ABORTED', 'the transaction was aborted meanwhile')
        return this.#commit(positions())
      }, withinMs)
    } catch (error) {
      if (serial === this.#serial) this.abort('the transaction could not be committed', error)
      throw error
    } finally {
      this.#commits--
    }
  }

  async #commit({ group, offsets }: Positions): Promise<void> {
    if (this.#added.size === 0 && offsets.length === 0) return
    // Invariant 1, the other way round: nothing becomes visible without the offsets it came from.
    if (offsets.length === 0)
      throw new SluiceError('TRANSACTION_ABORTED', 'nothing was acknowledged of what was published')
    const serial = this.#serial
    const signal = this.#patience
    const identity = await this.identity()
    await this.#client.commitOffsets(identity, group, offsets, signal)
    await this.#client.commit(identity, signal)
    if (serial === this.#serial) this.#added.clear()
  }

  /** Nothing of the transaction under way becomes visible, unless its commit has reached the broker already. */
  abort(why: string, cause?: unknown): void {
    if (this.#closed.signal.aborted) return
    this.#serial++
    this.#open.abort(new SluiceError('TRANSACTION_ABORTED', why))
    this.#open = new AbortController()
    this.#added.clear()
    this.#owners.clear()
    this.#identity = undefined
    const reason = cause === undefined ? why : `${why}: ${kafkaError(cause, 'Kafka').message}`
    const error = new SluiceError('TRANSACTION_ABORTED', reason, { cause })
    for (const source of this.#sources) source.aborted(error)
    for (const sink of this.#sinks) sink.broken()
    this.identity().catch(() => {})
  }

  /** What the group has committed and no open transaction can change any more. Throws UNSTABLE_OFFSET_COMMIT meanwhile. */
  stableOffsets(
    group: string,
    partitions: readonly { topic: string; partition: number }[],
  ): Promise<readonly OffsetOf[]> {
    return this.#client.stableOffsets(group, partitions, this.#patience)
  }

  get #patience(): AbortSignal {
    return AbortSignal.any([AbortSignal.timeout(this.timeout), this.#closed.signal, this.#open.signal])
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  // What is still open is aborted now, so that readers need not wait for the time-out.
  async #close(): Promise<void> {
    if (this.#added.size > 0) {
      this.abort('the route has ended')
      const late = new AbortController()
      await Promise.race([this.#identity?.catch(() => {}), pause(LAST_WORD, late.signal)])
      late.abort()
    }
    this.#closed.abort(new SluiceError('ABORTED', 'the route has ended'))
    await this.#client[Symbol.asyncDispose]()
  }
}
