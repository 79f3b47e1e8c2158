import type { Claim } from '../../src/core/ports.ts'

/** What a dedup store must do, in the plainest words: the reference the property tests hold every store against. */
export class StoreModel {
  readonly #most: number
  /** Confirmed keys with the time they are remembered until, oldest confirmation first. */
  readonly #done = new Map<string, number>()
  readonly #leases = new Map<string, number>()

  constructor(most: number) {
    this.#most = most
  }

  claim(keys: readonly string[], leaseMs: number, now: number): readonly Claim[] {
    return keys.map(key => {
      if ((this.#done.get(key) ?? 0) > now) return 'done'
      if ((this.#leases.get(key) ?? 0) > now) return 'held'
      this.#leases.set(key, now + leaseMs)
      return 'fresh'
    })
  }

  confirm(keys: readonly string[], rememberMs: number, now: number): void {
    for (const key of keys) {
      this.#leases.delete(key)
      this.#done.delete(key)
      // Keys whose time is over take no room once they are the oldest.
      for (const [old, until] of this.#done) if (until <= now) this.#done.delete(old)
      while (this.#done.size >= this.#most) this.#done.delete(this.#done.keys().next().value!)
      this.#done.set(key, now + rememberMs)
    }
  }

  forget(keys: readonly string[]): void {
    for (const key of keys) this.#leases.delete(key)
  }

  /** The process dies: leases are gone, what was confirmed stays. */
  restart(): readonly string[] {
    const open = [...this.#leases.keys()]
    this.#leases.clear()
    return open
  }
}
