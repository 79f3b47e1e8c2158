/** Keys that are being worked on, each with the end of its lease and a note of the store's own. */
export class Leases<N> {
  readonly #leases = new Map<string, { readonly until: number; readonly note: N }>()

  get size(): number {
    return this.#leases.size
  }

  holds(key: string, now: number): boolean {
    const lease = this.#leases.get(key)
    return lease !== undefined && lease.until > now
  }

  /** Begins a lease; one of the same key that was left ends. */
  add(key: string, until: number, note: N): void {
    this.#leases.delete(key)
    this.#leases.set(key, { until, note })
  }

  note(key: string): N | undefined {
    return this.#leases.get(key)?.note
  }

  /** Ends the lease of a key; undefined when there is none. */
  take(key: string): N | undefined {
    const note = this.#leases.get(key)?.note
    this.#leases.delete(key)
    return note
  }

  /** Ends leases whose time is over, from the oldest on and `most` of them at most; `ended` gets each. */
  expire(now: number, most: number, ended?: (key: string, note: N) => void): void {
    let left = most
    for (const [key, { until, note }] of this.#leases) {
      if (until > now || left-- === 0) return
      this.#leases.delete(key)
      ended?.(key, note)
    }
  }
}
