import { SluiceError } from '../core/errors.ts'
import type { Delivery } from '../core/ports.ts'
import { SUSPECT_FROM } from '../core/suspect.ts'

/** After this many deliveries the first such message is put aside. Below RabbitMQ 4's default delivery limit of 20. */
const MOST_DELIVERIES = 10

/**
 * A message that crashes the process must not crash it for ever. The broker's count of deliveries survives the crash.
 * Messages delivered again and again go one at a time, so that only the culprit keeps its count; over the limit the first
 * one after a start is the prime suspect and is put aside, the others get their chance. Counts also grow with every lost
 * session: what comes in a later session of a living process has not crashed it, and is no suspect.
 */
export class Suspects {
  #sessions = 0
  #accused = false

  /** A source was opened. */
  session(): void {
    this.#sessions++
  }

  is(delivery: Delivery): boolean {
    return delivery.message.source.attempt >= SUSPECT_FROM
  }

  /** The reason to put this one aside unseen, or undefined. */
  accuse(delivery: Delivery): SluiceError | undefined {
    const { attempt } = delivery.message.source
    if (this.#accused || this.#sessions > 1 || attempt <= MOST_DELIVERIES) return undefined
    this.#accused = true
    return new SluiceError('CRASH_LOOP', `delivered ${attempt} times and never settled; the gateway stopped each time`)
  }
}
