import type { Bell } from './bell.ts'
import { LogGroup } from './log-group.ts'
import type { Partition } from './log-subscription.ts'
import type { Place, Subscription } from './place.ts'
import { hash, type Stored } from './stored.ts'

/** A partitioned log. Groups read it from the oldest entry on, each at its own committed positions. */
export class MemoryLog implements Place {
  readonly mode = 'log'
  readonly name: string
  readonly partitions: readonly Partition[]
  readonly #limit: number
  readonly #groups = new Map<string, LogGroup>()
  #size = 0
  #turn = 0

  /** @param limit most entries kept; beyond it what every group has committed goes, and if nothing can go appends are refused. */
  constructor(name: string, partitions: number, limit: number) {
    this.name = name
    this.partitions = Array.from({ length: partitions }, () => ({ base: 0, entries: [] }))
    this.#limit = limit
  }

  append(stored: Stored): boolean {
    if (this.#size >= this.#limit && !this.#trim()) return false
    const count = this.partitions.length
    const chosen = stored.key === null ? this.#turn++ % count : hash(stored.key) % count
    this.partitions[chosen]!.entries.push(stored)
    this.#size++
    for (const group of this.#groups.values()) group.ring(chosen)
    return true
  }

  subscribe(name: string, bell: Bell): Subscription {
    let group = this.#groups.get(name)
    if (group === undefined) {
      group = new LogGroup(this.name, this.partitions)
      this.#groups.set(name, group)
    }
    return group.join(bell)
  }

  contents(): readonly Stored[] {
    return this.partitions.flatMap(partition => partition.entries)
  }

  unsettled(): number {
    let count = 0
    for (const group of this.#groups.values()) count += group.unsettled
    return count
  }

  /** Next offset to read of a group, per partition; undefined for a group that never joined. */
  committed(group: string): readonly number[] | undefined {
    return this.#groups.get(group)?.committed
  }

  #trim(): boolean {
    const groups = [...this.#groups.values()]
    if (groups.length === 0) return false
    let trimmed = 0
    this.partitions.forEach((partition, index) => {
      const oldest = Math.min(...groups.map(group => group.committed[index]!))
      const gone = Math.max(0, oldest - partition.base)
      partition.entries.splice(0, gone)
      partition.base += gone
      trimmed += gone
    })
    this.#size -= trimmed
    return trimmed > 0
  }
}
