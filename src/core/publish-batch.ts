import type { SluiceError } from './errors.ts'

/** The results of one publish call, filled in any order. A late result for a slot that has one is ignored. */
export class Batch {
  readonly results: (SluiceError | null | undefined)[]
  readonly done: Promise<void>
  #open: number
  readonly #finish: () => void

  constructor(size: number) {
    this.results = new Array(size).fill(undefined)
    this.#open = size
    const { promise, resolve } = Promise.withResolvers<void>()
    this.done = promise
    this.#finish = resolve
    if (size === 0) resolve()
  }

  settle(index: number, result: SluiceError | null): void {
    if (this.results[index] !== undefined) return
    this.results[index] = result
    if (--this.#open === 0) this.#finish()
  }

  /** Gives every message that has none this result. */
  settleRest(error: SluiceError): void {
    for (let i = 0; i < this.results.length; i++) this.settle(i, error)
  }
}
