import type { Message } from '../core/message.ts'
import type { Transform } from '../core/ports.ts'
import type { Collector } from './collector.ts'
import type { Hops } from './hops.ts'
import type { Item } from './item.ts'
import type { Mark } from './outputs.ts'
import type { Publisher } from './publisher.ts'
import type { Settlement, SettlementOptions } from './settlement.ts'
import type { Tap } from './tap.ts'
import type { RetryOptions } from './verdicts.ts'

/** How long a copy waits whose original is still under way, in ms. */
export const HELD_WAIT = 50

export interface PipelineOptions extends SettlementOptions {
  /** The ordering key of a received message; undefined = nothing orders it. Throws EXPRESSION_FAILED. */
  readonly order: (message: Message) => string | undefined
  readonly hops: Pick<Hops, 'check' | 'mark'>
  readonly transform: ((message: Message, item: Item) => ReturnType<Transform>) | undefined
  /** Where one can watch what the transforms do. */
  readonly tap?: Tap | undefined
  /** Marks each output of an item with its dedup key; undefined = nothing is marked. */
  readonly mark?: Mark | undefined
  /** Makes what holds messages back until they leave together; undefined = each leaves as it is. */
  readonly collector?: ((settlement: Settlement) => Collector) | undefined
  readonly publisher: Publisher
  readonly retry: RetryOptions
  /** Most messages and bytes of one lane in one turn. */
  readonly turn: { readonly count: number; readonly bytes: number }
  /** An attempt failed and there will be another. */
  readonly retried: (item: Item) => void
  /** Nothing is put aside on this route, and the item will hardly ever do well: it blocks its lane. */
  readonly blocked: (item: Item) => void
}
