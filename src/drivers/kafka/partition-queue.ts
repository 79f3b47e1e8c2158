import type { Topic } from './directory.ts'
import type { Identity } from './producer-identity.ts'
import { batchBroken, type Outgoing } from './publish-call.ts'

/** A batch that was or will be sent, kept until its fate is known: it is sent again byte for byte. */
export interface Batch {
  readonly records: readonly Outgoing[]
  readonly bytes: Buffer
  readonly identity: Identity
  readonly baseSequence: number
}

/** Records bound for one partition, and its place in the producer's sequence. One batch at a time is under way. */
export class PartitionQueue {
  topic: Topic
  readonly partition: number
  /** `topic/partition`. */
  readonly sequence: string
  batch: Batch | undefined
  sending = false
  failures = 0
  /** Not to be sent before, ms since 1970. */
  notBefore = 0
  #waiting: Outgoing[] = []
  #next = 0
  #atOnce = Number.POSITIVE_INFINITY
  #identity: Identity | undefined
  #nextSequence = 0

  constructor(topic: Topic, partition: number, sequence: string) {
    this.topic = topic
    this.partition = partition
    this.sequence = sequence
  }

  get leader(): number {
    return this.topic.leaders[this.partition] ?? -1
  }

  get idle(): boolean {
    return this.batch === undefined && this.#next === this.#waiting.length
  }

  add(record: Outgoing): void {
    this.#waiting.push(record)
  }

  /** Puts records back in front, to be sent next; `atOnce` bounds how many of them the next batch takes. */
  putBack(records: readonly Outgoing[], atOnce = Number.POSITIVE_INFINITY): void {
    this.#waiting = [...records, ...this.#waiting.slice(this.#next)]
    this.#next = 0
    this.#atOnce = atOnce
  }

  /** The next records, up to `limit` bytes (at least one). Those that are not wanted any more are settled and left out. */
  take(limit: number): Outgoing[] {
    const taken: Outgoing[] = []
    let size = 0
    while (this.#next < this.#waiting.length) {
      const record = this.#waiting[this.#next]!
      if (!record.call.over && record.call.isBroken(this.sequence, record))
        record.call.settle(record.index, batchBroken())
      else if (!record.call.over) {
        if (taken.length > 0 && (size + record.size > limit || taken.length >= this.#atOnce)) break
        size += record.size
        taken.push(record)
      }
      this.#next++
    }
    this.#atOnce = Number.POSITIVE_INFINITY
    if (this.#next === this.#waiting.length) {
      this.#waiting = []
      this.#next = 0
    } else if (this.#next >= 1_024) {
      this.#waiting = this.#waiting.slice(this.#next)
      this.#next = 0
    }
    return taken
  }

  /** The sequence number of the next batch under this identity; a new identity begins at 0. */
  sequenceFor(identity: Identity): number {
    if (this.#identity !== identity) {
      this.#identity = identity
      this.#nextSequence = 0
    }
    return this.#nextSequence
  }

  /** The batch is stored: its sequence numbers are used up. They wrap at 2^31. */
  stored(batch: Batch): void {
    this.batch = undefined
    this.failures = 0
    if (this.#identity === batch.identity) this.#nextSequence = (batch.baseSequence + batch.records.length) & 0x7fffffff
  }

  /** The broker refused the batch: its sequence numbers are free for the next one. */
  refused(): void {
    this.batch = undefined
    this.failures = 0
  }

  /** Nobody knows whether the batch is stored, and it is not sent again: only a new identity can go on. */
  abandoned(): void {
    this.batch = undefined
    this.failures = 0
    this.#identity = undefined
  }
}
