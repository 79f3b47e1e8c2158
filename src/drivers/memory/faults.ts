import { type Static, Type } from 'typebox'
import type { ErrorCode } from '../../core/errors.ts'
import type { Message } from '../../core/message.ts'
import { Closed } from '../../core/schema.ts'

const share = (description: string) => Type.Optional(Type.Number({ minimum: 0, maximum: 1, description }))
const wait = (description: string) => Type.Optional(Type.Integer({ minimum: 0, maximum: 3_600_000, description }))

/** What can go wrong on demand. Shares are probabilities 0–1; waits are evenly spread from 0 to the given milliseconds. */
export const FaultOptions = Closed(
  {
    nack: share('Share of messages the broker refuses to store this time.'),
    loseConfirm: share('Share of messages that are stored without an answer: the publisher sees a time-out.'),
    unavailable: share('Share of publish calls answered with UNAVAILABLE.'),
    deny: share('Share of publish calls answered with ACCESS_DENIED, which is fatal.'),
    breakPublish: share('Share of publish calls during which the connection breaks; some of the messages are stored.'),
    breakReceive: share('Share of batches before which the connection of the source breaks.'),
    redeliver: share('Share of acknowledgements that get lost: the message comes again.'),
    missing: Type.Optional(
      Type.Boolean({ description: 'The address is gone: everything fails with ADDRESS_MISSING.' }),
    ),
    storeMs: wait('Wait before the messages of a publish call are stored.'),
    confirmMs: wait('Wait before a publish call is answered; overlapping calls are answered in another order.'),
    receiveMs: wait('Wait before a batch is handed out.'),
    ackMs: wait('Wait before acknowledgements reach the broker.'),
  },
  { description: 'Faults on demand, for tests and demonstrations.' },
)

export type FaultRates = Static<typeof FaultOptions>
type Shares = 'nack' | 'loseConfirm' | 'unavailable' | 'deny' | 'breakPublish' | 'breakReceive' | 'redeliver'
type Waits = 'storeMs' | 'confirmMs' | 'receiveMs' | 'ackMs'

/** What happens to one message, decided by a test: an error code, stored without a confirm, or nothing special. */
export type Verdict = ErrorCode | 'lose-confirm' | undefined

/** The faults of a broker or of one address. Deterministic: the same seed and the same calls give the same faults. */
export class Faults {
  rates: FaultRates
  /** Decides for single messages, before the rates are asked. */
  judge: ((message: Message) => Verdict) | undefined
  #state: number

  constructor(seed: number, rates: FaultRates = {}) {
    this.#state = seed >>> 0
    this.rates = rates
  }

  /** Adds to the rates or replaces some. */
  set(rates: FaultRates): void {
    this.rates = { ...this.rates, ...rates }
  }

  clear(): void {
    this.rates = {}
    this.judge = undefined
  }

  happens(fault: Shares): boolean {
    const rate = this.rates[fault]
    return rate !== undefined && rate > 0 && this.random() < rate
  }

  /** Milliseconds to wait; 0 where none is asked for. */
  wait(fault: Waits): number {
    const most = this.rates[fault]
    return most === undefined || most === 0 ? 0 : this.random() * most
  }

  verdict(message: Message): Verdict {
    const judged = this.judge?.(message)
    if (judged !== undefined) return judged
    if (this.happens('nack')) return 'NACKED'
    return this.happens('loseConfirm') ? 'lose-confirm' : undefined
  }

  /** Evenly spread over [0, 1): Tommy Ettinger's mulberry32. */
  random(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
