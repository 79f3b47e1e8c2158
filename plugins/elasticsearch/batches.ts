import type { SluiceError } from 'sluice'
import type { Operation } from './document.ts'

export type Result = SluiceError | null

export interface BatchOptions {
  /** Most documents of a batch. */
  readonly count: number
  /** Most bytes of a batch, unless one document alone has more. */
  readonly bytes: number
  /** Longest wait for a fuller batch, in ms. */
  readonly every: number
  /** A batch also leaves when nothing has come for so long, in ms. */
  readonly pause: number
  /** Sends a batch. One result per operation; never throws. */
  send(operations: readonly Operation[]): Promise<readonly Result[]>
}

interface Waiting {
  readonly operation: Operation
  readonly since: number
  /** False: nobody waits for it any more, and it is not sent. */
  wanted(): boolean
  settle(result: Result): void
}

/**
 * Gathers operations until there are `count` of them, `every` has passed since the first, or nothing has come for `pause`.
 * Batches go one after the other, so that no document overtakes an older one of its id.
 */
export class Batches {
  readonly #options: BatchOptions
  #waiting: Waiting[] = []
  #bytes = 0
  #sending = false
  #timer: NodeJS.Timeout | undefined

  constructor(options: BatchOptions) {
    this.#options = options
  }

  /** Bounded by the caller: a route has no more than `inFlight` messages under way. */
  add(operation: Operation, wanted: () => boolean, settle: (result: Result) => void): void {
    this.#waiting.push({ operation, since: performance.now(), wanted, settle })
    this.#bytes += operation.size
  }

  /** All of one call has been added. */
  added(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const first = this.#waiting[0]
    if (this.#sending || first === undefined) return
    const { count, bytes, every, pause } = this.#options
    const rest = Math.min(first.since + every - performance.now(), pause)
    if (this.#waiting.length >= count || this.#bytes >= bytes || rest <= 0) void this.#send()
    else this.#timer = setTimeout(() => void this.#send(), rest)
  }

  async #send(): Promise<void> {
    const batch = this.#take()
    if (batch.length > 0) {
      this.#sending = true
      const results = await this.#options.send(batch.map(({ operation }) => operation))
      this.#sending = false
      for (const [i, { settle }] of batch.entries()) settle(results[i]!)
    }
    this.added()
  }

  #take(): readonly Waiting[] {
    const { count, bytes } = this.#options
    const batch: Waiting[] = []
    let size = 0
    let taken = 0
    for (const one of this.#waiting) {
      const { operation } = one
      if (batch.length === count || (batch.length > 0 && size + operation.size > bytes)) break
      taken++
      this.#bytes -= operation.size
      if (!one.wanted()) continue
      batch.push(one)
      size += operation.size
    }
    this.#waiting = this.#waiting.slice(taken)
    return batch
  }

  /** Nothing more is sent. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#waiting = []
  }
}
