import { SluiceError } from '../../core/errors.ts'
import type { RecordFields } from './record-batch.ts'

export type Result = SluiceError | null

/** One call of `publish`: collects one result per message and is done when it has them all. */
export class PublishCall {
  readonly done: Promise<readonly Result[]>
  readonly #results: (Result | undefined)[]
  readonly #resolve: (results: readonly Result[]) => void
  #left: number
  #broken: Map<string | number, number> | undefined
  readonly #runs: readonly number[] | undefined

  /** @param runs see Sink.publish. */
  constructor(messages: number, runs?: readonly number[]) {
    const { promise, resolve } = Promise.withResolvers<readonly Result[]>()
    this.done = promise
    this.#resolve = resolve
    this.#results = new Array(messages)
    this.#left = messages
    this.#runs = runs
    if (messages === 0) resolve([])
  }

  /** True when every message has its result, also because the call was given up. */
  get over(): boolean {
    return this.#left === 0
  }

  /** The first result of a message counts. */
  settle(index: number, result: Result): void {
    if (this.#results[index] !== undefined) return
    this.#results[index] = result
    if (--this.#left === 0) this.#resolve(this.#results as Result[])
  }

  /** Gives every message without a result this one. */
  settleRest(result: SluiceError): void {
    for (let i = 0; i < this.#results.length; i++) this.settle(i, result)
  }

  /** A message failed: nothing of this call behind it in its run is to be stored; without runs, with its key in its partition. */
  break(partition: string, placed: Placed): void {
    this.#broken ??= new Map()
    const run = this.#run(partition, placed)
    const first = this.#broken.get(run)
    if (first === undefined || placed.index < first) this.#broken.set(run, placed.index)
  }

  isBroken(partition: string, placed: Placed): boolean {
    if (this.#broken === undefined) return false
    const first = this.#broken.get(this.#run(partition, placed))
    return first !== undefined && placed.index > first
  }

  #run(partition: string, { index, key }: Placed): string | number {
    return this.#runs?.[index] ?? (key === null ? partition : `${partition}\u0000${key.toString('latin1')}`)
  }
}

/** Which message of its call a record is, and what it is ordered by. */
export type Placed = Pick<Outgoing, 'index' | 'key'>

/** One record on its way, and where its result belongs. */
export interface Outgoing extends RecordFields {
  readonly call: PublishCall
  readonly index: number
  /** Most bytes it takes in a batch. */
  readonly size: number
}

export function batchBroken(why = 'a message before this one in its run failed'): SluiceError {
  return new SluiceError('BATCH_BROKEN', why)
}
