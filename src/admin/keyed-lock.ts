import { Refusal } from './refusal.ts'

/** Things that must not be done twice at once. Nobody waits: who comes second is refused. */
export class KeyedLock {
  readonly #taken = new Set<string>()

  /** Throws BUSY. */
  take(key: string, busy: string): Disposable {
    if (this.#taken.has(key)) throw new Refusal('BUSY', busy)
    this.#taken.add(key)
    return { [Symbol.dispose]: () => void this.#taken.delete(key) }
  }
}
