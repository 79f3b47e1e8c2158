import type { Claim, Store, StoreFactory } from '../core/ports.ts'
import { Closed } from '../core/schema.ts'
import { digestOf } from './key-digest.ts'
import { KeyIndex } from './key-index.ts'
import { Leases } from './leases.ts'

/** Keys in memory: fast, and forgotten with the process, so that a restart delivers what was in flight once more. */
export class MemoryStore implements Store {
  readonly #done: KeyIndex
  readonly #held = new Leases<null>()
  readonly #now: () => number

  /** @param now milliseconds of a clock that never goes back. */
  constructor(maxKeys: number, now: () => number = () => performance.now()) {
    this.#done = new KeyIndex(maxKeys)
    this.#now = now
  }

  async claim(keys: readonly string[], leaseMs: number): Promise<readonly Claim[]> {
    const now = this.#now()
    this.#prune(now, keys.length)
    return keys.map(key => {
      if (this.#done.until(digestOf(key)) > now) return 'done'
      if (this.#held.holds(key, now)) return 'held'
      this.#held.add(key, now + leaseMs, null)
      return 'fresh'
    })
  }

  async confirm(keys: readonly string[], rememberMs: number): Promise<void> {
    const now = this.#now()
    for (const key of keys) {
      this.#held.take(key)
      this.#done.add(digestOf(key), now + rememberMs)
    }
    this.#prune(now, keys.length)
  }

  async forget(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.#held.take(key)
  }

  // Twice what a call can add, so that the expired ones always dwindle and no call has to drop many at once.
  #prune(now: number, added: number): void {
    this.#done.expire(now, added * 2)
    this.#held.expire(now, added * 2)
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

export const memory: StoreFactory = {
  name: 'memory',
  schema: Closed({}, { description: 'Keys in memory; forgotten when Sluice stops. About 50 bytes a key.' }),
  async open(_options, { maxKeys }) {
    return new MemoryStore(maxKeys)
  },
}
