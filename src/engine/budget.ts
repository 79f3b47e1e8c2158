/**
 * Bytes of messages in flight over all routes of the process. Invariant 6: memory stays flat. Half of the limit is divided
 * evenly, so that every route can go on whatever the others hold; who needs more shares the other half.
 */
export class Budget {
  readonly #limit: number
  readonly #shares = new Set<BudgetShare>()
  readonly #waiting = new Set<BudgetShare>()

  /** @param limit bytes, ≥ 1. */
  constructor(limit: number) {
    this.#limit = limit
  }

  get limit(): number {
    return this.#limit
  }

  get used(): number {
    let used = 0
    for (const share of this.#shares) used += share.used
    return used
  }

  /** A part for one route, to be closed with it. */
  share(): BudgetShare {
    const share = new BudgetShare(this)
    this.#shares.add(share)
    return share
  }

  close(share: BudgetShare): void {
    this.#shares.delete(share)
    this.given()
  }

  /** Whether the share may take more now. */
  has(share: BudgetShare): boolean {
    const own = this.#limit / (2 * this.#shares.size)
    if (share.used === 0 || share.used < own) return true
    let common = 0
    for (const { used } of this.#shares) common += Math.max(0, used - own)
    return common < this.#limit / 2
  }

  /** Something was given back: those who wait may have room now. */
  given(): void {
    if (this.#waiting.size === 0) return
    for (const share of [...this.#waiting]) if (this.has(share)) share.wake()
  }

  /** Until something was given back that leaves room for the share, or the signal aborts. */
  async wait(share: BudgetShare, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    share.wake = resolve
    this.#waiting.add(share)
    signal.addEventListener('abort', share.wake)
    await promise
    signal.removeEventListener('abort', share.wake)
    this.#waiting.delete(share)
  }
}

/** What one route holds of the budget. */
export class BudgetShare {
  readonly #budget: Budget
  #used = 0
  #closed = false
  /** Ends the wait for room. */
  wake: () => void = () => {}

  constructor(budget: Budget) {
    this.#budget = budget
  }

  get used(): number {
    return this.#used
  }

  take(bytes: number): void {
    if (!this.#closed) this.#used += bytes
  }

  give(bytes: number): void {
    if (this.#closed) return
    this.#used -= bytes
    this.#budget.given()
  }

  /** Resolves when there is room, or when the signal aborts. A message larger than the whole budget passes alone. One waiter. */
  async room(signal: AbortSignal): Promise<void> {
    while (!this.#closed && !signal.aborted && !this.#budget.has(this)) await this.#budget.wait(this, signal)
  }

  /** Gives everything back, also what never left the line; what is given later does not count. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#used = 0
    this.wake()
    this.#budget.close(this)
  }
}
