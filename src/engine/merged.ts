import { asSluiceError, type SluiceError } from '../core/errors.ts'
import type { Frame, Gather } from '../core/gather.ts'
import type { Message } from '../core/message.ts'
import type { Delivery, Transform } from '../core/ports.ts'
import type { Item, Outcome } from './item.ts'
import type { Part } from './part.ts'
import { Pipeline } from './pipeline.ts'
import type { PipelineOptions } from './pipeline-options.ts'

/** What was made of a closed group, on its way to the target. */
export interface Merged {
  readonly message: Message
  /** It could not be made; `message` then stands for the failure. */
  readonly broken: SluiceError | undefined
  /** What keeps its order with others of the same lane; undefined = nothing does. */
  readonly lane: string | undefined
  /** It need not be published any more: all that it was made of comes again. */
  readonly expired: boolean
  /** The target has it (`delivered`), a step dropped it (`filtered`), or it was given up (`dropped`). Called once. */
  left(outcome: Outcome): void
  /** The target, or a step, will never take it; `item` says how it failed. Called once, instead of `left`. */
  refused(reason: SluiceError, item: Item): void
}

class MergedDelivery implements Delivery {
  readonly merged: Merged
  refused = false

  constructor(merged: Merged) {
    this.merged = merged
  }

  get message(): Message {
    return this.merged.message
  }

  get expired(): boolean {
    return this.merged.expired
  }

  // What it was made of is settled in `left` and `refused`.
  ack(): void {}
  release(): void {}
}

export interface MergedLineOptions
  extends Pick<PipelineOptions, 'publisher' | 'retry' | 'turn' | 'retried' | 'blocked'> {
  /** The steps behind the one that gathers. */
  readonly transform: Transform | undefined
  /** The route puts aside what cannot go on. */
  readonly putsAside: boolean
  readonly left: PipelineOptions['left']
}

/**
 * The second half of a line that gathers: what was merged goes through the later steps to the target like any message, with
 * its own lane, attempts and backoff. It is put aside piece by piece, as the messages it was made of.
 */
export class MergedLine {
  readonly #pipeline: Pipeline
  readonly #lanes = new WeakMap<Message, string>()
  readonly #broken = new WeakMap<Message, SluiceError>()

  constructor(options: MergedLineOptions) {
    const { left, putsAside, transform, ...rest } = options
    this.#pipeline = new Pipeline({
      ...rest,
      transform: message => {
        const broken = this.#broken.get(message)
        if (broken !== undefined) throw broken
        return transform === undefined ? message : transform(message)
      },
      order: message => this.#lanes.get(message),
      // The messages inside were checked and marked when they were received.
      hops: { check() {}, mark: message => message },
      dedup: undefined,
      deadLetters: putsAside
        ? {
            write(item, done) {
              const delivery = item.delivery as MergedDelivery
              delivery.refused = true
              delivery.merged.refused(item.poison!, item)
              done('discarded')
            },
          }
        : undefined,
      left: item => {
        const { merged, refused } = item.delivery as MergedDelivery
        left(item)
        if (!refused) merged.left(item.outcome)
      },
    })
  }

  get lanes(): Pipeline['lanes'] {
    return this.#pipeline.lanes
  }

  /** Takes what leaves together. */
  admit(all: readonly Merged[]): void {
    for (const { message, lane, broken } of all) {
      if (lane !== undefined) this.#lanes.set(message, lane)
      if (broken !== undefined) this.#broken.set(message, broken)
    }
    this.#pipeline.admit(all.map(merged => new MergedDelivery(merged)))
  }

  sweep(): void {
    this.#pipeline.sweep()
  }

  close(): void {
    this.#pipeline.close()
  }
}

/** Makes one message of the parts; a step that fails to, although it must not, fails as a transform does. */
export function mergedOf(gather: Gather, parts: readonly Part[], frame: Frame): Pick<Merged, 'message' | 'broken'> {
  try {
    return { message: gather.merge(parts, frame), broken: undefined }
  } catch (error) {
    return { message: parts[0]!.message.with({ id: frame.id }), broken: asSluiceError(error, 'TRANSFORM_FAILED') }
  }
}
