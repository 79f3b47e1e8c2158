import { asSluiceError, SluiceError } from '../core/errors.ts'
import type { Message } from '../core/message.ts'
import type { Gate } from './gate.ts'

/** A run of messages that must be published in order. The publisher sends a window of it at a time. */
export interface Run {
  readonly messages: readonly Message[]
  /** Index of the first message that is not published yet. */
  readonly next: number
  /** Messages counted for this run while it waits; kept by the publisher. */
  queued: number
  /** Something of what is left belongs to a delivery of which something is published already. Default: no. */
  readonly begun?: boolean
  /** Called before each sending: drops what needs no publishing any more. False = nothing is left, the run has ended. */
  refresh(): boolean
  /** Results of the messages from `next` on. Called once per window; never throws. */
  done(results: readonly (SluiceError | null)[]): void
}

export interface PublisherOptions {
  /** Sink.publish. */
  publish(
    messages: readonly Message[],
    signal: AbortSignal,
    runs: readonly number[],
  ): Promise<readonly (SluiceError | null)[]>
  readonly gate: Gate
  /** Most messages in one publish call. */
  readonly count: number
  /** Most body bytes in one publish call, unless one message alone is larger. */
  readonly bytes: number
  /** Longest wait for a fuller batch while other batches are under way, in ms. An idle publisher never waits. */
  readonly linger: number
  /** Most publish calls under way. */
  readonly concurrency: number
  /** Messages of one run in one call: 1, or many where the sink keeps order in a batch (Features.orderedBatch). */
  readonly window: number
  /** Seconds a publish call took, and how many messages it carried. */
  observe(seconds: number, messages: number): void
}

/** Stands where a run was that has left the queue. */
const GONE = undefined as unknown as Run

/**
 * Gathers what is ready across lanes into batches. An idle publisher sends at once; while batches are under way it
 * gathers until one comes back, a batch is full, or `linger` has passed: small latency when idle, full batches when busy.
 */
export class Publisher {
  readonly #options: PublisherOptions
  readonly #signal: AbortSignal
  #waiting: Run[] = []
  #head = 0
  #messages = 0
  #flying = 0
  #scheduled = false
  #held = false
  #landed: () => void = () => {}
  #timer: NodeJS.Timeout | undefined

  constructor(options: PublisherOptions, signal: AbortSignal) {
    this.#options = options
    this.#signal = signal
    options.gate.onOpen(() => this.#schedule())
  }

  /** Messages waiting for a batch, batches under way not counted. */
  get waiting(): number {
    return this.#messages
  }

  get flying(): number {
    return this.#flying
  }

  /** Called when a publish call has ended and its results are worked in. */
  onLanded(landed: () => void): void {
    this.#landed = landed
  }

  /** From now on only what belongs to deliveries that are published in part is sent; calls under way go on. */
  hold(): void {
    this.#held = true
    this.#schedule()
  }

  release(): void {
    this.#held = false
    this.#schedule()
  }

  /** Queues a run. Bounded by the caller: a route never has more than `inFlight` messages on the line. */
  enqueue(run: Run): void {
    this.#waiting.push(run)
    run.queued = this.#window(run)
    this.#messages += run.queued
    this.#schedule()
  }

  /** Queues runs that failed, in their order, before everything that waits. */
  putBack(runs: readonly Run[]): void {
    this.#waiting = [...runs, ...this.#waiting.slice(this.#head)]
    this.#head = 0
    for (const run of runs) this.#messages += run.queued = this.#window(run)
    this.#schedule()
  }

  /** Lets every waiting run drop what needs no publishing any more, also while the gate is closed. */
  sweep(): void {
    const waiting = this.#waiting.slice(this.#head)
    this.#waiting = []
    this.#head = 0
    this.#messages = 0
    for (const run of waiting) if (run.refresh()) this.enqueue(run)
  }

  #window(run: Run): number {
    return Math.min(run.messages.length - run.next, this.#options.window)
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#flush()
    })
  }

  #flush(): void {
    const { gate, concurrency, count, linger } = this.#options
    if (this.#signal.aborted) return
    while (this.#ready()) {
      if (gate.state === 'closed' || (gate.state === 'probing' && this.#flying > 0)) return
      if (this.#flying >= concurrency) return
      if (this.#flying > 0 && this.#messages < count && linger > 0) {
        this.#timer ??= setTimeout(() => {
          this.#timer = undefined
          this.#send()
          this.#schedule()
        }, linger)
        return
      }
      this.#send()
    }
    // The endpoint answers again and nothing is there to prove it with: a route at rest must not hold until its next message.
    if (gate.state === 'probing' && this.#flying === 0 && this.#head === this.#waiting.length) gate.succeed()
  }

  #send(): void {
    if (this.#signal.aborted) return
    if (!this.#ready() || this.#flying >= this.#options.concurrency) return
    if (this.#options.gate.state === 'closed' || (this.#options.gate.state === 'probing' && this.#flying > 0)) return
    const runs: Run[] = []
    const sizes: number[] = []
    const batch: Message[] = []
    const numbers: number[] = []
    let bytes = 0
    while (this.#ready()) {
      const run = this.#waiting[this.#head]!
      if (!run.refresh()) {
        this.#shift(run)
        continue
      }
      const most = Math.min(this.#window(run), this.#options.count)
      let size = 0
      let runBytes = 0
      while (size < most) {
        const next = run.messages[run.next + size]!.size
        if (size > 0 && runBytes + next > this.#options.bytes) break
        runBytes += next
        size++
      }
      if (batch.length > 0 && (batch.length + size > this.#options.count || bytes + runBytes > this.#options.bytes))
        break
      for (let i = 0; i < size; i++) {
        batch.push(run.messages[run.next + i]!)
        numbers.push(runs.length)
      }
      bytes += runBytes
      runs.push(run)
      sizes.push(size)
      this.#shift(run)
    }
    if (this.#head === this.#waiting.length) {
      this.#waiting = []
      this.#head = 0
    } else if (this.#head > 4096) {
      this.#waiting = this.#waiting.slice(this.#head)
      this.#head = 0
    }
    if (this.#timer !== undefined) {
      clearTimeout(this.#timer)
      this.#timer = undefined
    }
    if (batch.length === 0) return
    this.#flying++
    void this.#publish(batch, numbers, runs, sizes)
  }

  // True = the first in the queue may be sent.
  #ready(): boolean {
    if (this.#head === this.#waiting.length) return false
    if (!this.#held || this.#waiting[this.#head]!.begun) return true
    const at = this.#waiting.findIndex((run, index) => index > this.#head && run.begun)
    if (at < 0) return false
    // Nothing orders the runs in the queue: each is of a lane of its own.
    this.#waiting.splice(this.#head, 0, ...this.#waiting.splice(at, 1))
    return true
  }

  // What has left the queue is let go of at once: a queue that never empties must not keep what has long been published.
  #shift(run: Run): void {
    this.#messages -= run.queued
    this.#waiting[this.#head++] = GONE
  }

  async #publish(
    batch: readonly Message[],
    numbers: readonly number[],
    runs: readonly Run[],
    sizes: readonly number[],
  ): Promise<void> {
    const started = performance.now()
    let results: readonly (SluiceError | null)[]
    try {
      results = await this.#options.publish(batch, this.#signal, numbers)
      if (results.length !== batch.length)
        throw new SluiceError('UNKNOWN', `the sink gave ${results.length} results for ${batch.length} messages`)
    } catch (error) {
      // The port forbids throwing; a driver that does it anyway must not lose the batch.
      const reason = asSluiceError(error)
      results = batch.map(() => reason)
    }
    this.#flying--
    this.#options.observe((performance.now() - started) / 1000, batch.length)
    this.#judge(results)
    let offset = 0
    for (let i = 0; i < runs.length; i++) {
      const size = sizes[i]!
      runs[i]!.done(runs.length === 1 ? results : results.slice(offset, offset + size))
      offset += size
    }
    this.#landed()
    this.#flush()
  }

  // One endpoint error closes the gate for all; one success opens it again. Where both are in one answer, the endpoint is
  // not away but stumbling: the gate closes for its shortest time only.
  #judge(results: readonly (SluiceError | null)[]): void {
    let worst: SluiceError | undefined
    let confirmed = false
    for (const result of results) {
      if (result === null || result.fate === 'poison') confirmed = true
      else if (result.scope === 'endpoint' && (worst === undefined || result.fate === 'fatal')) worst = result
      else if (result.scope === 'message') confirmed = true
    }
    if (worst !== undefined) this.#options.gate.close(worst, confirmed)
    else if (confirmed) this.#options.gate.succeed()
  }
}
