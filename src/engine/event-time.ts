/** Most sequences whose progress is kept; of more, those heard of last. */
const MOST_SEQUENCES = 10_000

interface Progress {
  /** Latest event time, in ms since the epoch. */
  latest: number
  /** performance.now() of the last message. */
  heard: number
}

/**
 * How far event time has come, for each sequence of the source (partition or queue): partitions are read at different
 * speeds, and what is late in one is early in another. A sequence stands at its latest time less the lateness; windows
 * close up to where the slowest stands that is not idle.
 */
export class EventTime {
  readonly #lateness: number
  readonly #idle: number
  readonly #sequences = new Map<string, Progress>()

  /** Both in milliseconds. */
  constructor(lateness: number, idle: number) {
    this.#lateness = lateness
    this.#idle = idle
  }

  saw(sequence: string, time: number, now: number): void {
    const progress = this.#sequences.get(sequence)
    if (progress !== undefined) {
      progress.latest = Math.max(progress.latest, time)
      progress.heard = now
      return
    }
    if (this.#sequences.size >= MOST_SEQUENCES) this.#forgetOne()
    this.#sequences.set(sequence, { latest: time, heard: now })
  }

  #forgetOne(): void {
    let oldest: string | undefined
    let heard = Number.POSITIVE_INFINITY
    for (const [sequence, progress] of this.#sequences)
      if (progress.heard < heard) {
        oldest = sequence
        heard = progress.heard
      }
    if (oldest !== undefined) this.#sequences.delete(oldest)
  }

  /** The sequence itself has come past this time: what it brings from before is late. */
  passed(sequence: string, time: number): boolean {
    const progress = this.#sequences.get(sequence)
    return progress !== undefined && progress.latest - this.#lateness >= time
  }

  /** Windows that end by this time may close; +∞ = nothing more is expected, for all are idle. */
  limit(now: number): number {
    let limit = Number.POSITIVE_INFINITY
    for (const { latest, heard } of this.#sequences.values())
      if (now - heard < this.#idle) limit = Math.min(limit, latest - this.#lateness)
    return limit
  }

  /** Messages of the sequence come again from an earlier place: where it stood means nothing any more. */
  rewind(sequence: string): void {
    this.#sequences.delete(sequence)
  }

  /** All of them do. */
  clear(): void {
    this.#sequences.clear()
  }
}
