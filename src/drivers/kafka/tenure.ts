import { type Range, Watermark } from '../../core/watermark.ts'
import type { Attempts } from './attempts.ts'

// A note of settled records fits into 4,000 digits while one of these holds: six records of the span go into a digit, and an
// unsettled one among settled ones takes six digits at most.
const MOST_SPAN = 20_000
const MOST_HOLES = 600

/** One partition held under one assignment. Its acks count only while it lasts. */
export class Tenure {
  readonly topic: string
  readonly partition: number
  /** `topic/partition`: the order of the source. */
  readonly sequence: string
  readonly attempts: Attempts
  readonly #watermark = new Watermark()
  /** Offset after the last record taken over, filtered ones included. */
  #position: number
  #committed: number
  #ended = false
  #unsettled = 0
  /** Settled under an earlier assignment and not passed yet. */
  #earlier: readonly Range[]
  #newest = 0
  #version = 0
  #committedVersion = 0

  /** @param settled records behind `committed` that are settled, in ascending order. */
  constructor(topic: string, partition: number, committed: number, attempts: Attempts, settled: readonly Range[] = []) {
    this.#earlier = settled
    this.topic = topic
    this.partition = partition
    this.sequence = `${topic}/${partition}`
    this.attempts = attempts
    this.#position = committed
    this.#committed = committed
  }

  /** True once the partition is given up or lost: what is settled later counts for nothing. Never goes back. */
  get ended(): boolean {
    return this.#ended
  }

  /** Deliveries handed out and neither acked nor given back. */
  get unsettled(): number {
    return this.#unsettled
  }

  get position(): number {
    return this.#position
  }

  get committed(): number {
    return this.#committed
  }

  // Invariant 2: only what lies before everything unsettled is committed, per partition and per assignment.
  /** The offset to commit: that of the oldest unsettled record, or the position when all are settled. */
  get settledUpTo(): number {
    return this.#watermark.oldest ?? this.#position
  }

  /** Settled records behind an unsettled one, or behind what was taken over. */
  get settledBeyond(): readonly Range[] {
    const ahead = this.#earlier.map(({ from, to }) => ({ from: Math.max(from, this.#position), to }))
    return [...this.#watermark.closedBeyond(), ...ahead.filter(({ from, to }) => from < to)]
  }

  /** Something was settled since the last commit. */
  get changed(): boolean {
    return this.#version > this.#committedVersion
  }

  get version(): number {
    return this.#version
  }

  /** So much is settled out of order that no more may be handed out, or no note could name it. */
  get crowded(): boolean {
    return this.#unsettled >= MOST_HOLES && this.#newest - this.settledUpTo >= MOST_SPAN
  }

  /** A record comes that was settled under an earlier assignment. True = it was, and is passed. */
  passes(offset: number): boolean {
    while (this.#earlier.length > 0 && this.#earlier[0]!.to <= offset) this.#earlier = this.#earlier.slice(1)
    if (this.#earlier.length === 0 || this.#earlier[0]!.from > offset) return false
    this.take(offset)
    this.#watermark.close(offset)
    return true
  }

  /** A record was taken over from the client. */
  take(offset: number): void {
    this.#watermark.open(offset)
    this.#position = offset + 1
  }

  /** Everything before `offset` was taken over or filtered out. */
  skipTo(offset: number): void {
    if (offset > this.#position) this.#position = offset
  }

  handOut(offset: number): void {
    if (offset > this.#newest) this.#newest = offset
    this.#unsettled++
  }

  /** The delivery went back to us, to be handed out again. */
  giveBack(): void {
    this.#unsettled--
  }

  settle(offset: number): void {
    this.#unsettled--
    this.#version++
    this.#watermark.close(offset)
  }

  /** @param version of the moment of the commit. */
  wasCommitted(offset: number, version = 0): void {
    if (version > this.#committedVersion) this.#committedVersion = version
    if (offset > this.#committed) this.#committed = offset
  }

  /** Fences the tenure: from now on acks and releases of its deliveries do nothing. */
  end(): void {
    this.#ended = true
  }
}
