import type { SluiceError } from '../core/errors.ts'
import type { Message } from '../core/message.ts'
import type { Item, Outcome } from './item.ts'

/** One output of an item, on its way through a batch or window. */
export interface Part {
  readonly item: Item
  readonly message: Message
  readonly key: string | null
  /** What the gathering step read of it. */
  readonly value: unknown
  readonly size: number
  /** Event time in ms since the epoch. */
  readonly time: number | undefined
  /** performance.now() when it came. */
  readonly since: number
  /** What a redelivery of the same message shares; undefined = the broker has nothing of the kind. */
  readonly identity: string | undefined
  /** The broker says that it was never delivered before: whatever is remembered under its identity was another message. */
  readonly first: boolean
}

/** Ends of an item whose outputs were gathered, the weightiest last: it is counted as what most was made of it. */
const WEIGHT: Partial<Record<Outcome, number>> = { deduplicated: 0, filtered: 1, late: 2, delivered: 3 }

export type PartOutcome = 'deduplicated' | 'filtered' | 'late' | 'delivered'

/** Begins the way of an item's outputs through batches or windows. */
export function begin(item: Item, outputs: number): void {
  item.pending = outputs
  item.outcome = 'deduplicated'
}

/** Nothing is left to do for a part. Invariant 3: the item is finished with its last part, and once. */
export function finish({ item }: Part, outcome: PartOutcome, finished: (item: Item) => void): void {
  if (item.settled) return
  if (WEIGHT[outcome]! > (WEIGHT[item.outcome] ?? 0)) item.outcome = outcome
  if (--item.pending === 0) finished(item)
}

/** What the part went into cannot go on: its message is put aside, when the other parts are done. `merged` says how it failed. */
export function refuse(
  part: Part,
  reason: SluiceError,
  merged: Item | undefined,
  finished: (item: Item) => void,
): void {
  const { item } = part
  if (item.settled) return
  if (item.poison === undefined) {
    item.poison = reason
    item.stage = merged?.stage ?? 'transform'
    item.attempts = Math.max(item.attempts, merged?.attempts ?? 0)
    if (item.firstFailure === 0) item.firstFailure = merged?.firstFailure ?? Date.now()
    item.lastFailure = merged?.lastFailure ?? Date.now()
  }
  if (--item.pending === 0) finished(item)
}

/** Its delivery can be settled, and nobody has done it. */
export const isLive = ({ item }: Part): boolean => !item.settled && !item.delivery.expired
