import type { TSchema } from 'typebox'
import type { Message } from './message.ts'

/** What a gathering step reads of one message when it comes in. */
export interface Gathered {
  /** Messages with an equal key are gathered together; null = there is no key, all belong together. */
  readonly key: string | null
  /** What `merge` will need of the message beside the message itself; the step's own. */
  readonly value: unknown
  /** When it happened, in milliseconds since the epoch; undefined = the time of receipt counts. */
  readonly time?: number | undefined
  /** Bytes it adds to what is merged. */
  readonly size: number
}

export interface Member {
  readonly message: Message
  readonly value: unknown
}

/** Why a batch or window closed: its time was over · no more messages came · it was full · the line was full · the route stops. */
export type Closing = 'time' | 'idle' | 'size' | 'crowded' | 'drain'

/** What is known of a batch or window when it closes. */
export interface Frame {
  readonly route: string
  readonly key: string | null
  /** Identity of the merged message: the same whenever it is published again. */
  readonly id: string
  readonly closing: Closing
  /** Windows: from this time on, until before that one, in milliseconds since the epoch. */
  readonly start: number
  readonly end: number
  /** Windows: 0 is the first that leaves for this key and time, and as a rule the only one. */
  readonly pane: number
}

/** Tumbling windows: every message belongs to exactly one, by its time. */
export interface WindowRules {
  /** By the time that `take` reads; else by the time of receipt. */
  readonly eventTime: boolean
  /** How far behind the latest message of its source sequence a message may be, in milliseconds. */
  readonly lateness: number
  /** A source sequence that is silent for so long is not waited for, in milliseconds. */
  readonly idle: number
  readonly late: 'drop' | 'deadLetter'
  /** What left is remembered for so long, in milliseconds, and so many keys of it. */
  readonly remember: number
  readonly count: number
  /** Name of the store factory in the registry, and its options. */
  readonly store: { readonly name: string; readonly options: unknown }
}

/** A step that makes one message of many. It computes; the engine holds the messages, closes in time and settles. */
export interface Gather {
  /** Longest time a batch stays open, or the length of a window, in milliseconds. */
  readonly every: number
  /** Most messages, and most bytes unless one message alone is larger; undefined = no limit. */
  readonly count?: number | undefined
  readonly bytes?: number | undefined
  /** Absent: a batch. */
  readonly window?: WindowRules | undefined
  /** The messages stay what they are, and leave together. `merge` is never called. */
  readonly separate?: boolean | undefined
  /** Reads one message. What it throws is this message's own failure, as that of a transform. */
  take(message: Message): Gathered
  /** One message out of at least one, in the order they came. Never throws for what `take` accepted. */
  merge(members: readonly Member[], frame: Frame): Message
}

/** A step that gathers. At most one stands in a route; steps behind it see what it makes. */
export interface GatherFactory {
  /** The key in a `transform:` list, e.g. `batch`. */
  readonly name: string
  readonly schema: TSchema
  /** Does no background work. Throws OPTIONS_INVALID. */
  gather(options: unknown): Gather
  /** Problems the schema cannot see, each with the keys from the options inwards; pure. */
  check?(options: unknown): readonly {
    readonly path: readonly (string | number)[]
    readonly message: string
    readonly hint?: string
  }[]
}
