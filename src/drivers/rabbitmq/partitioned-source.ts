import { SluiceError } from '../../core/errors.ts'
import type { Delivery, EndpointContext, Source } from '../../core/ports.ts'
import type { Link } from './link.ts'
import { Merged } from './merged.ts'
import { assertPartitions } from './partition-topology.ts'
import { type PartitionedOptions, partitionNames, partitionOptions } from './partitions.ts'
import { RabbitSource, type SourcePlace } from './source.ts'

export interface PartitionsPlace {
  /** Where one partition is: its own memory of sessions. */
  readonly partition: (queue: string) => SourcePlace
  /** Consumer priority for each partition. */
  readonly priorities: readonly number[]
  readonly isolated: () => Link
}

/** One session on all partitions: each with its own channel, active on those that the broker gives it. */
export class PartitionedSource implements Source {
  readonly #parts: readonly RabbitSource[]
  #disposed: Promise<void> | undefined

  private constructor(parts: readonly RabbitSource[]) {
    this.#parts = parts
  }

  /** Throws what `assertPartitions` throws, and OPTIONS_INVALID when fewer messages may be in flight than there are partitions. */
  static async open(
    at: PartitionsPlace,
    link: Link,
    options: PartitionedOptions,
    context: EndpointContext,
    signal: AbortSignal,
  ): Promise<PartitionedSource> {
    const { partitions } = options
    if (context.inFlight < partitions)
      throw new SluiceError('OPTIONS_INVALID', `inFlight is ${context.inFlight}, below the ${partitions} partitions`, {
        hint: 'Raise `inFlight` of the route: each partition needs at least one.',
      })
    await assertPartitions(await link.open(signal), at.isolated, options, signal)
    // Invariant 6: together no more than may be in flight, however many of the partitions become ours.
    const share = {
      ...context,
      inFlight: Math.floor(context.inFlight / partitions),
      inFlightBytes: Math.max(1, Math.floor(context.inFlightBytes / partitions)),
    }
    const states = new Map<string, string>()
    const parts = await Promise.allSettled(
      partitionNames(options).map((queue, i) =>
        RabbitSource.open(
          at.partition(queue),
          link,
          partitionOptions(options, queue, at.priorities[i]!),
          { ...share, status: (state, reason) => context.status(...joined(states, queue, state, reason)) },
          signal,
        ),
      ),
    )
    const opened = parts.flatMap(part => (part.status === 'fulfilled' ? [part.value] : []))
    const failed = parts.find(part => part.status === 'rejected')
    const source = new PartitionedSource(opened)
    if (failed === undefined) return source
    await source[Symbol.asyncDispose]()
    throw failed.reason
  }

  async *receive(signal: AbortSignal): AsyncIterable<readonly Delivery[]> {
    const end = new AbortController()
    const stop = AbortSignal.any([signal, end.signal])
    try {
      yield* new Merged(this.#parts.map(part => part.receive(stop)))
    } finally {
      end.abort()
    }
  }

  /** Over all partitions, whoever is active on them. */
  async lag(signal: AbortSignal): Promise<number> {
    const lags = await Promise.all(this.#parts.map(part => part.lag(signal)))
    return lags.reduce<number>((sum, lag) => sum + (lag ?? 0), 0)
  }

  get standingBy(): boolean {
    return this.#parts.some(part => part.standingBy)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#disposed ??= Promise.all(this.#parts.map(part => part[Symbol.asyncDispose]())).then(() => {}))
  }
}

type State = Parameters<EndpointContext['status']>

// `ok` of one partition says nothing about the others.
function joined(states: Map<string, string>, queue: string, state: State[0], reason: State[1]): State {
  if (state !== 'ok') {
    states.set(queue, reason ?? state)
    return [state, reason]
  }
  states.delete(queue)
  const [other] = states.values()
  return other === undefined ? ['ok'] : ['waiting', other]
}
