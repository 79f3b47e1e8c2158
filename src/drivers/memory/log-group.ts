import type { Bell } from './bell.ts'
import { LogSubscription, type Membership, type Partition } from './log-subscription.ts'
import type { Subscription } from './place.ts'

/** A consumer group: its members share the partitions, each partition belongs to one member at a time. */
export class LogGroup implements Membership {
  readonly log: string
  readonly partitions: readonly Partition[]
  /** Next offset to read, per partition. */
  readonly committed: number[]
  readonly #members: LogSubscription[] = []

  constructor(log: string, partitions: readonly Partition[]) {
    this.log = log
    this.partitions = partitions
    this.committed = partitions.map(partition => partition.base)
  }

  join(bell: Bell): Subscription {
    const member = new LogSubscription(this, bell)
    this.#members.push(member)
    this.#rebalance()
    return member
  }

  leave(member: LogSubscription): void {
    const index = this.#members.indexOf(member)
    if (index < 0) return
    this.#members.splice(index, 1)
    this.#rebalance()
  }

  ring(partition: number): void {
    for (const member of this.#members) if (member.owns(partition)) member.bell.ring()
  }

  get unsettled(): number {
    return this.#members.reduce((sum, member) => sum + member.unsettled, 0)
  }

  // A partition whose owner stays the same keeps its assignment. Revoke everywhere first: no partition has two owners.
  #rebalance(): void {
    const owner = (partition: number) => this.#members[partition % this.#members.length]
    for (const member of this.#members) member.keep(partition => owner(partition) === member)
    for (let partition = 0; partition < this.committed.length; partition++) owner(partition)?.assign(partition)
  }
}
