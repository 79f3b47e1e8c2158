import { SluiceError } from '../../core/errors.ts'
import { type FaultRates, Faults } from './faults.ts'
import { Ledger } from './ledger.ts'
import { MemoryLog } from './log.ts'
import type { Mode, Place } from './place.ts'
import { MemoryQueue } from './queue.ts'
import { Reach } from './reach.ts'
import { hash, type Stored } from './stored.ts'

export interface BrokerOptions {
  readonly seed?: number
  /** Keep a ledger of everything that happens. */
  readonly record?: boolean
}

export interface PlaceOptions {
  readonly mode: Mode
  /** 1–1,024; logs only. Default 1. */
  readonly partitions?: number
  /** Most messages kept. Default 1,000,000. */
  readonly limit?: number
}

/** An in-process broker: named addresses, and everything a test may want to do to it or ask of it. */
export class MemoryBroker {
  readonly name: string
  /** Whether it can be reached, frozen or cut off. */
  readonly reach = new Reach()
  /** Faults of every address that has none of its own. */
  readonly faults: Faults
  readonly ledger: Ledger | undefined
  /** Largest message it takes, in bytes, headers and key included. */
  maxBytes = MAX_BYTES
  /** Where set, connections must bring it. */
  password: string | undefined
  readonly #seed: number
  readonly #places = new Map<string, Place>()
  readonly #faults = new Map<string, Faults>()

  constructor(name: string, options: BrokerOptions = {}) {
    this.name = name
    this.#seed = (options.seed ?? 1) ^ hash(name)
    this.faults = new Faults(this.#seed)
    this.ledger = options.record === true ? new Ledger() : undefined
  }

  /** Makes the address where it does not exist. Throws ADDRESS_MISMATCH when it exists with another mode or partitions. */
  create(address: string, options: PlaceOptions): Place {
    const { mode, partitions, limit = 1_000_000 } = options
    const known = this.#places.get(address)
    if (this.faultsOf(address).rates.missing === true) return this.place(address)
    if (known !== undefined) return this.#checked(address, known, options)
    const place = mode === 'log' ? new MemoryLog(address, partitions ?? 1, limit) : new MemoryQueue(address, limit)
    this.#places.set(address, place)
    return place
  }

  #checked(address: string, place: Place, { mode, partitions }: PlaceOptions): Place {
    if (place.mode !== mode)
      throw new SluiceError('ADDRESS_MISMATCH', `memory address "${address}" is a ${place.mode}, not a ${mode}`)
    if (place instanceof MemoryLog && partitions !== undefined && place.partitions.length !== partitions) {
      const has = place.partitions.length
      throw new SluiceError('ADDRESS_MISMATCH', `memory address "${address}" has ${has} partitions, not ${partitions}`)
    }
    return place
  }

  /** Throws ADDRESS_MISSING. */
  place(address: string, mode?: Mode): Place {
    const place = this.#places.get(address)
    if (place === undefined || this.faultsOf(address).rates.missing === true)
      throw new SluiceError('ADDRESS_MISSING', `memory address "${address}" does not exist on broker "${this.name}"`)
    return mode === undefined ? place : this.#checked(address, place, { mode })
  }

  /** False once the address was deleted, also when it was made anew. */
  holds(address: string, place: Place): boolean {
    return this.#places.get(address) === place
  }

  /** Deletes an address with what is in it. Sources on it fail with CHANNEL_LOST, sinks with ADDRESS_MISSING. */
  delete(address: string): void {
    this.#places.delete(address)
    this.#faults.delete(address)
    this.reach.nudge()
  }

  faultsOf(address: string): Faults {
    return this.#faults.get(address) ?? this.faults
  }

  /** Gives one address faults of its own, instead of the broker's. */
  setFaults(address: string, rates: FaultRates): Faults {
    const faults = this.#faults.get(address) ?? new Faults(this.#seed ^ hash(address))
    this.#faults.set(address, faults)
    faults.rates = rates
    return faults
  }

  /** What is there now, oldest first (per partition): a queue's unsettled messages, a log's whole content. */
  contents(address: string): readonly Stored[] {
    return this.#places.get(address)?.contents() ?? []
  }

  /** Messages handed out and not settled. */
  unsettled(address: string): number {
    return this.#places.get(address)?.unsettled() ?? 0
  }
}

/** Largest message by default: 1 MiB. */
export const MAX_BYTES = 1_048_576
