import { createHash } from 'node:crypto'
import type { Closing, Frame, Gather } from '../core/gather.ts'
import type { Message } from '../core/message.ts'
import type { Group, Outflow } from './collector.ts'
import type { Item } from './item.ts'
import { type Merged, type MergedLine, mergedOf } from './merged.ts'
import { finish, isLive, type Part, type PartOutcome, refuse } from './part.ts'
import type { Settlement } from './settlement.ts'

export interface BatchesOptions {
  readonly route: string
  readonly gather: Gather
  readonly line: MergedLine
  /** `order: none`: batches need not keep their order. */
  readonly unordered: boolean
  /** The ordering key of a received message, where batches leave as separate messages. */
  readonly order: (message: Message) => string | undefined
  /** A batch closed. */
  readonly closed: (closing: Closing) => void
}

/**
 * Closed batches on their way. A batch has no memory of its own: at least once, like any message. One that is made of the
 * same messages again has the same id.
 */
export class Batches implements Outflow {
  readonly recovered = 0
  readonly #options: BatchesOptions
  readonly #settlement: Settlement
  #underWay = 0

  constructor(options: BatchesOptions, settlement: Settlement) {
    this.#options = options
    this.#settlement = settlement
  }

  get underWay(): number {
    return this.#underWay
  }

  get lanes(): Outflow['lanes'] {
    return this.#options.line.lanes
  }

  send(groups: readonly Group[], closing: Closing): void {
    const { gather, closed } = this.#options
    const all = groups.flatMap(group =>
      gather.separate === true ? group.parts.map(part => this.#single(part)) : [this.#merged(group, closing)],
    )
    for (const _ of groups) closed(closing)
    this.#underWay += all.length
    this.#options.line.admit(all)
  }

  late(): void {}

  #single(part: Part): Merged {
    return this.#on([part], { message: part.message, broken: undefined }, this.#options.order(part.item.message))
  }

  #merged({ key, parts }: Group, closing: Closing): Merged {
    const { gather, route, unordered } = this.#options
    const frame: Frame = { route, key, id: idOf(route, parts), closing, start: 0, end: 0, pane: 0 }
    return this.#on(parts, mergedOf(gather, parts, frame), unordered ? undefined : (key ?? ''))
  }

  #on(parts: readonly Part[], made: ReturnType<typeof mergedOf>, lane: string | undefined): Merged {
    const finished = (item: Item) => this.#settlement.finished(item)
    const done = () => {
      this.#underWay--
    }
    return {
      ...made,
      lane,
      // Where some of the messages come again and others do not, it goes on: copies are better than a hole.
      get expired() {
        return !parts.some(isLive)
      },
      left: outcome => {
        done()
        if (outcome === 'dropped') for (const { item } of parts) this.#settlement.drop(item)
        else for (const part of parts) finish(part, outcome as PartOutcome, finished)
      },
      refused: (reason, item) => {
        done()
        for (const part of parts) refuse(part, reason, item, finished)
      },
    }
  }

  close(): void {
    this.#options.line.close()
  }
}

function idOf(route: string, parts: readonly Part[]): string {
  const hash = createHash('sha256')
  for (const { message } of parts) hash.update(`${message.id.length} ${message.id}`)
  return `${route}/batch/${hash.digest('base64url').slice(0, 22)}`
}
