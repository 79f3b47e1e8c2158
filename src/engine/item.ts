import type { SluiceError } from '../core/errors.ts'
import type { Message } from '../core/message.ts'
import type { Delivery, TransformResult } from '../core/ports.ts'

/** Where on the line a message failed. */
export type Stage = 'receive' | 'order' | 'dedup' | 'transform' | 'publish'

/** How an item left the line. `refused`: a request whose requester was told why it gets no answer. */
export type Outcome =
  | 'delivered'
  | 'filtered'
  | 'deduplicated'
  | 'late'
  | 'dead-lettered'
  | 'discarded'
  | 'refused'
  | 'dropped'

/** A request that waits for its answer (routes with `reply`). */
export interface Request {
  readonly item: Item
  /** performance.now() at which it times out. */
  readonly due: number
  /** Under which the target answers; undefined = it has not been sent yet. */
  correlation: string | undefined
  /** performance.now() when it was handed to the publisher. */
  askedAt: number
}

/** One delivery on its way through the line, with the duty to settle it exactly once (Invariant 3). */
export class Item {
  readonly delivery: Delivery
  /** performance.now() at receipt. */
  readonly receivedAt: number
  /** What the transforms made of it. */
  output: TransformResult
  /** Outputs that are not yet confirmed or put aside. */
  pending = 0
  /** Outputs that wait in an open batch or window. */
  collected = 0
  /** How long it waited there, in ms: what it was asked to, and no slowness. */
  waited = 0
  /** Failed attempts that count. */
  attempts = 0
  /** Epoch milliseconds of the first failure; 0 = none. */
  firstFailure = 0
  lastFailure = 0
  stage: Stage = 'receive'
  error: SluiceError | undefined
  /** Set when the item must be put aside instead of acked. */
  poison: SluiceError | undefined
  dedupKey: string | undefined
  /** The dedup key claimed for it and not yet confirmed or forgotten. */
  claim: string | undefined
  /** Something of it is published, and it is not settled (Unfinished). */
  begun = false
  outcome: Outcome = 'delivered'
  settled = false
  /** Its neighbours on the line, in the order received (OnLine). */
  before: Item | undefined
  after: Item | undefined
  /** Set when somebody waits for an answer to it. */
  request: Request | undefined

  constructor(delivery: Delivery, receivedAt: number) {
    this.delivery = delivery
    this.receivedAt = receivedAt
  }

  get message(): Message {
    return this.delivery.message
  }

  /** It needs no work any more: it comes again by itself, or was settled while it waited (a request that timed out). */
  get gone(): boolean {
    return this.settled || this.delivery.expired
  }

  /** Notes a failure; `counts` = it uses up an attempt. */
  fail(error: SluiceError, stage: Stage, counts: boolean): void {
    const now = Date.now()
    if (this.firstFailure === 0) this.firstFailure = now
    this.lastFailure = now
    this.error = error
    this.stage = stage
    if (counts) this.attempts++
  }
}
