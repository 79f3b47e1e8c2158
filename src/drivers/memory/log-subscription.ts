import { Watermark } from '../../core/watermark.ts'
import type { Bell } from './bell.ts'
import type { Subscription, Taken } from './place.ts'
import { SortedList } from './sorted-list.ts'
import type { Stored } from './stored.ts'

/** One partition: entries from offset `base` on. */
export interface Partition {
  readonly entries: Stored[]
  base: number
}

/** What a member needs of its group. */
export interface Membership {
  readonly log: string
  readonly partitions: readonly Partition[]
  /** Next offset to read, per partition. */
  readonly committed: number[]
  leave(member: LogSubscription): void
}

/** A partition in the hands of one member, from the assignment to the revocation. */
interface Assignment {
  readonly partition: number
  readonly watermark: Watermark
  position: number
  live: boolean
}

interface Held {
  readonly taken: LogTaken
  readonly dueAt: number
}

/** A group member. It keeps what is given back and hands it out again itself: a log cannot take one message back. */
export class LogSubscription implements Subscription {
  readonly bell: Bell
  readonly #group: Membership
  readonly #assignments = new Map<number, Assignment>()
  #held = new SortedList<Held>(held => held.dueAt)
  epoch = 0

  constructor(group: Membership, bell: Bell) {
    this.#group = group
    this.bell = bell
  }

  take(max: number, maxBytes: number): readonly Taken[] {
    const batch: Taken[] = []
    for (const now = Date.now(); batch.length < max && (this.#held.first?.dueAt ?? now + 1) <= now; ) {
      const { taken } = this.#held.shift()!
      batch.push(new LogTaken(this.#group.log, taken.assignment, taken.offset, taken.stored, 2))
    }
    let room = maxBytes
    // What is held back counts as in flight: reading on must not pile up more of it.
    const most = max - this.#held.size
    for (const assignment of this.#assignments.values()) {
      const { base, entries } = this.#group.partitions[assignment.partition]!
      while (batch.length < most) {
        const stored = entries[assignment.position - base]
        if (stored === undefined || (batch.length > 0 && stored.size > room)) break
        const offset = assignment.position++
        assignment.watermark.open(offset)
        batch.push(new LogTaken(this.#group.log, assignment, offset, stored, 1))
        room -= stored.size
      }
    }
    return batch
  }

  dueInMs(): number | undefined {
    return this.#held.first === undefined ? undefined : Math.max(1, Math.ceil(this.#held.first.dueAt - Date.now()))
  }

  // Invariant 2: the committed position is the contiguous watermark of the assignment; a revoked one commits nothing.
  ack(taken: LogTaken): void {
    const { assignment, offset } = taken
    if (assignment.live && assignment.watermark.close(offset))
      this.#group.committed[assignment.partition] = assignment.watermark.mark! + 1
  }

  release(taken: LogTaken, delayMs: number): void {
    if (!taken.live) return
    this.#held.add({ taken, dueAt: Date.now() + delayMs })
    this.bell.ring()
  }

  redeliver(taken: LogTaken): void {
    this.ack(taken)
    this.release(taken, 0)
  }

  get lag(): number {
    let lag = this.#held.size
    for (const { partition, position } of this.#assignments.values()) {
      const { base, entries } = this.#group.partitions[partition]!
      lag += base + entries.length - position
    }
    return lag
  }

  get unsettled(): number {
    let count = 0
    for (const { watermark } of this.#assignments.values()) count += watermark.size
    return count
  }

  owns(partition: number): boolean {
    return this.#assignments.has(partition)
  }

  assign(partition: number): void {
    if (this.#assignments.has(partition)) return
    const position = this.#group.committed[partition]!
    this.#assignments.set(partition, { partition, position, watermark: new Watermark(), live: true })
    this.bell.ring()
  }

  keep(stays: (partition: number) => boolean): void {
    for (const [partition, assignment] of this.#assignments) {
      if (stays(partition)) continue
      assignment.live = false
      this.#assignments.delete(partition)
      this.epoch++
      this.bell.ring()
    }
    const kept = [...this.#held].filter(({ taken }) => taken.live)
    this.#held = new SortedList(held => held.dueAt)
    for (const held of kept) this.#held.add(held)
  }

  close(): void {
    this.keep(() => false)
    this.#group.leave(this)
  }
}

class LogTaken implements Taken {
  readonly assignment: Assignment
  readonly offset: number
  readonly stored: Stored
  readonly sequence: string
  readonly position: string
  readonly identity: string
  readonly attempt: number

  constructor(log: string, assignment: Assignment, offset: number, stored: Stored, attempt: number) {
    this.assignment = assignment
    this.offset = offset
    this.stored = stored
    this.sequence = `${log}/${assignment.partition}`
    this.position = `${assignment.partition}:${offset}`
    this.identity = `${this.sequence}/${offset}`
    this.attempt = attempt
  }

  get live(): boolean {
    return this.assignment.live
  }
}
