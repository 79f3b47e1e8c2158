import { LONGEST_WAIT } from './backoff.ts'
import type { Lane } from './lanes.ts'

/** Lanes that wait between two attempts. A lane waits at most once at a time. */
export class Sleepers {
  readonly #byLane = new Map<Lane, { readonly timer: NodeJS.Timeout; readonly wake: () => void }>()
  #closed = false

  get size(): number {
    return this.#byLane.size
  }

  sleep(lane: Lane, delayMs: number, wake: () => void): void {
    if (this.#closed) return
    const timer = setTimeout(
      () => {
        this.#byLane.delete(lane)
        wake()
      },
      Math.min(delayMs, LONGEST_WAIT),
    )
    this.#byLane.set(lane, { timer, wake })
  }

  /** Ends every wait now. */
  wakeAll(): void {
    const sleeping = [...this.#byLane]
    this.#byLane.clear()
    for (const [lane, sleeper] of sleeping) {
      clearTimeout(sleeper.timer)
      lane.notBefore = 0
      sleeper.wake()
    }
  }

  /** Forgets every wait; none begins any more. */
  close(): void {
    this.#closed = true
    for (const sleeper of this.#byLane.values()) clearTimeout(sleeper.timer)
    this.#byLane.clear()
  }
}
