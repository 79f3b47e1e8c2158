import assert from 'node:assert/strict'
import type { Delivery, Source } from '../../src/core/ports.ts'

/** Reads a source in the background and keeps what comes, in order. Settles nothing by itself. */
export class Receiver implements AsyncDisposable {
  readonly source: Source
  /** Everything received so far. */
  readonly received: Delivery[] = []
  /** Called after each batch. */
  onBatch: (() => void) | undefined
  readonly #patienceMs: number
  readonly #stop = new AbortController()
  readonly #reading: Promise<void>
  #taken = 0
  #failure: { readonly error: unknown } | undefined
  #ended = false
  readonly #waiters = new Set<() => void>()

  /** @param patienceMs longest wait for anything. */
  constructor(source: Source, patienceMs: number) {
    this.source = source
    this.#patienceMs = patienceMs
    this.#reading = this.#read()
  }

  /** What `receive` threw, if it did. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure
  }

  get ended(): boolean {
    return this.#ended
  }

  /** The next `count` deliveries that were not taken before. */
  async take(count: number): Promise<readonly Delivery[]> {
    await this.until(
      () => this.received.length - this.#taken >= count,
      () => `${count} more deliveries; there are ${this.received.length - this.#taken}: ${this.#names()}`,
    )
    const next = this.received.slice(this.#taken, this.#taken + count)
    this.#taken += count
    return next
  }

  /** Everything not taken before, up to and with the message of that id: the sentinel that a case published last. */
  async takeUntil(id: string): Promise<readonly Delivery[]> {
    const found = () => this.received.findIndex((delivery, i) => i >= this.#taken && delivery.message.id === id)
    await this.until(
      () => found() >= 0,
      () => `message ${id}; there are ${this.#names()}`,
    )
    return this.take(found() + 1 - this.#taken)
  }

  /** Waits until `met`, asked after everything that comes. */
  async until(met: () => boolean, what: () => string, timeoutMs = this.#patienceMs): Promise<void> {
    const end = performance.now() + timeoutMs
    while (!met()) {
      if (this.#failure) throw new Error(`receive failed while waiting for ${what()}`, { cause: this.#failure.error })
      assert(!this.#ended, `receive ended while waiting for ${what()}`)
      const rest = end - performance.now()
      assert(rest > 0, `waited ${timeoutMs} ms in vain for ${what()}`)
      await this.#change(rest)
    }
  }

  /** Nothing more may come for that long. */
  async quiet(ms: number): Promise<void> {
    const before = this.received.length
    const end = performance.now() + ms
    for (let rest = ms; rest > 0; rest = end - performance.now()) {
      await this.#change(rest)
      assert.equal(this.received.length, before, `nothing may come now, but ${this.#names()} came`)
    }
  }

  /** Aborts the signal and waits for `receive` to end, which must be soon and without an error. */
  async stop(withinMs = 5_000): Promise<void> {
    this.#stop.abort()
    const end = performance.now() + withinMs
    while (!this.#ended && performance.now() < end) await this.#change(end - performance.now())
    assert(this.#ended, `receive must end within ${withinMs} ms of the abort`)
    if (this.#failure) throw new Error('receive must end without an error when aborted', { cause: this.#failure.error })
  }

  /** The end of `receive`, whatever ends it. */
  get reading(): Promise<void> {
    return this.#reading
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.source[Symbol.asyncDispose]()
    await this.#reading
  }

  async #read(): Promise<void> {
    try {
      for await (const batch of this.source.receive(this.#stop.signal)) {
        this.received.push(...batch)
        this.onBatch?.()
        this.#wake()
      }
    } catch (error) {
      this.#failure = { error }
    }
    this.#ended = true
    this.#wake()
  }

  #wake(): void {
    for (const waiter of [...this.#waiters]) waiter()
  }

  #change(ms: number): Promise<void> {
    return new Promise(resolve => {
      const waiter = () => {
        clearTimeout(timer)
        this.#waiters.delete(waiter)
        resolve()
      }
      const timer = setTimeout(waiter, ms)
      this.#waiters.add(waiter)
    })
  }

  #names(): string {
    return (
      this.received
        .slice(this.#taken, this.#taken + 12)
        .map(delivery => delivery.message.id)
        .join(', ') || 'nothing'
    )
  }
}
