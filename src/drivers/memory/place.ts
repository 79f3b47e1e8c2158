import type { Bell } from './bell.ts'
import type { Stored } from './stored.ts'

export type Mode = 'queue' | 'log'

/** One handing-out of a stored message to a subscription. */
export interface Taken {
  readonly stored: Stored
  /** What the source orders by: the queue, or `log/partition`. */
  readonly sequence: string
  readonly position: string
  readonly identity: string
  readonly attempt: number
  /** False once this subscription can no longer settle it; never true again. */
  readonly live: boolean
}

/** A source's share of a place. Passive: no timers, no waiting. */
export interface Subscription {
  /** Hands out what is ready: at most `max` messages and, after the first, no more than `maxBytes`. */
  take(max: number, maxBytes: number): readonly Taken[]
  /** Milliseconds until something held back becomes ready; undefined when nothing is held back. */
  dueInMs(): number | undefined
  /** Does nothing for what is not live. */
  ack(taken: Taken): void
  release(taken: Taken, delayMs: number): void
  /** As if it had not been acknowledged: it comes again. */
  redeliver(taken: Taken): void
  readonly lag: number
  /** Grows whenever something taken stopped being live. */
  readonly epoch: number
  /** What is not settled is handed out again, to whoever subscribes. */
  close(): void
}

/** An address: a queue, where each message is settled on its own, or a partitioned log with groups and positions. */
export interface Place {
  readonly mode: Mode
  /** False when it is full. */
  append(stored: Stored): boolean
  subscribe(group: string, bell: Bell): Subscription
  /** What is in it now, oldest first (per partition): a queue's unsettled messages, a log's whole content. */
  contents(): readonly Stored[]
  /** How many messages are handed out and not settled. */
  unsettled(): number
}
