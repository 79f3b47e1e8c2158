import { asSluiceError, SluiceError } from '../../core/errors.ts'
import type { Expression } from '../../core/expression.ts'
import type { Message } from '../../core/message.ts'
import type { Sink } from '../../core/ports.ts'
import type { MemoryBroker, PlaceOptions } from './broker.ts'
import type { Client } from './client.ts'
import type { Faults, Verdict } from './faults.ts'
import { type Stored, store } from './stored.ts'

export interface SinkPlace {
  readonly broker: MemoryBroker
  readonly client: Client
  /** Longest wait for an answer of the broker. */
  readonly timeoutMs: number
  readonly address: Expression
  /** Replaces the message's own key. */
  readonly key: Expression | undefined
  /** Make addresses that do not exist. */
  readonly create: boolean
  readonly place: PlaceOptions
  /** In one call, store nothing behind a failed message of the same run. */
  readonly orderedBatch: boolean
  /** Called once the sink was disposed of. */
  readonly left: (sink: Sink) => void
}

/** A message made ready for the broker. */
interface Ready {
  readonly message: Message
  readonly address: string
  readonly stored: Stored
}

type Result = SluiceError | null

export class MemorySink implements Sink {
  readonly #at: SinkPlace
  readonly #closed = new AbortController()

  constructor(at: SinkPlace) {
    this.#at = at
  }

  async publish(
    messages: readonly Message[],
    signal: AbortSignal,
    runs?: readonly number[],
  ): Promise<readonly Result[]> {
    const { broker, client, timeoutMs } = this.#at
    if (messages.length === 0) return []
    const stop = AbortSignal.any([signal, this.#closed.signal])
    const ready = messages.map(message => this.#prepare(message))
    const faults = broker.faultsOf(ready.find(one => 'address' in one)?.address ?? '')
    try {
      return await broker.reach.request(() => this.#store(ready, faults, runs), {
        client,
        timeoutMs,
        signal: stop,
        beforeMs: faults.wait('storeMs'),
        afterMs: faults.wait('confirmMs'),
      })
    } catch (error) {
      const reason = asSluiceError(error)
      return messages.map(() => reason)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort()
    this.#at.left(this)
  }

  #prepare(message: Message): Ready | SluiceError {
    try {
      const address = String(this.#at.address.evaluate(message))
      return { message, address, stored: store(message, this.#key(message)) }
    } catch (error) {
      return asSluiceError(error)
    }
  }

  #key(message: Message): Buffer | string | null {
    const { key } = this.#at
    if (key === undefined) return message.key
    const value = key.evaluate(message)
    if (value === null || value === undefined) return null
    return Buffer.isBuffer(value) ? value : String(value)
  }

  // At the broker. Messages are stored in the order of the call, so that those of one key keep theirs.
  #store(ready: readonly (Ready | SluiceError)[], faults: Faults, runs?: readonly number[]): readonly Result[] {
    if (faults.happens('deny'))
      throw new SluiceError('ACCESS_DENIED', 'the memory broker denies it (a fault on demand)')
    if (faults.happens('unavailable'))
      throw new SluiceError('UNAVAILABLE', 'the memory broker is unavailable (a fault on demand)')
    const breakAt = faults.happens('breakPublish') ? Math.floor(faults.random() * ready.length) : -1
    const failed = new Set<string | number>()
    const results = ready.map((one, i) => {
      if (i === breakAt)
        throw new SluiceError('CONNECTION_LOST', 'the connection broke in mid-call (a fault on demand)')
      const run = runs?.[i] ?? (one instanceof SluiceError ? -1 : `${one.address}\0${one.stored.key ?? ''}`)
      if (this.#at.orderedBatch && failed.has(run))
        return new SluiceError('BATCH_BROKEN', 'a message of the same run before this one failed')
      const result = one instanceof SluiceError ? one : this.#storeOne(one)
      if (result !== null) failed.add(run)
      return result
    })
    return results
  }

  #storeOne({ message, address, stored }: Ready): Result {
    const { broker, create, place: options } = this.#at
    if (stored.size > broker.maxBytes)
      return new SluiceError('TOO_LARGE', `the message has ${stored.size} bytes, the broker takes ${broker.maxBytes}`)
    try {
      const place = create ? broker.create(address, options) : broker.place(address, options.mode)
      const verdict: Verdict = broker.faultsOf(address).verdict(message)
      if (verdict !== undefined && verdict !== 'lose-confirm')
        return new SluiceError(verdict, 'the memory broker refuses it (a fault on demand)')
      if (!place.append(stored)) return new SluiceError('NACKED', `memory address "${address}" is full`)
      broker.ledger?.stored(address, stored)
      return verdict === undefined ? null : new SluiceError('TIMED_OUT', 'the confirm got lost (a fault on demand)')
    } catch (error) {
      return asSluiceError(error)
    }
  }
}
