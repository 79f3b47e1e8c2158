import type { Closing, Gather } from '../core/gather.ts'
import type { Message } from '../core/message.ts'
import type { TransformResult } from '../core/ports.ts'
import { EventTime } from './event-time.ts'
import type { Item } from './item.ts'
import { begin, isLive, type Part } from './part.ts'
import type { Settlement } from './settlement.ts'

/** What belongs together and has not left yet: a batch, or the window of one key. */
export interface Group {
  readonly key: string | null
  /** Windows: from, until before, in ms since the epoch. */
  readonly start: number
  readonly end: number
  parts: Part[]
}

interface OpenGroup extends Group {
  /** performance.now() at which its time is over. */
  readonly due: number
  bytes: number
}

/** Where groups go when they close. */
export interface Outflow {
  /** Takes closed groups, in order; their parts are live. */
  send(groups: readonly Group[], closing: Closing): void
  /** Takes parts whose window closed before they came. */
  late(parts: readonly Part[]): void
  /** Groups that have closed and not left the line. */
  readonly underWay: number
  /** Those of them that a killed process left behind: no delivery here belongs to them. */
  readonly recovered: number
  /** Keys of what is under way, and how many of them wait for another attempt. */
  readonly lanes: { readonly all: number; readonly held: number }
  close(): void
}

export interface CollectorOptions {
  readonly gather: Gather
  readonly out: Outflow
  /** Most messages on the line. */
  readonly inFlight: number
  /** Messages waiting in the source, as far as that is known. */
  readonly lag: () => number | undefined
  /** So many groups closed before their time, for nothing more could come in. */
  readonly crowded: (groups: number) => void
}

/** How often it is looked whether something has to close, at least, in ms. */
const LOOK = 100
/** With messages waiting in the source and none arriving for so long, in ms, what is held here is in the way. */
const STALLED = 12_000

/**
 * Holds messages until what they belong to closes. Invariant 6: what is held counts as in flight, and a full line closes
 * the oldest before their time instead of waiting for messages that cannot come.
 */
export class Collector {
  readonly #options: CollectorOptions
  readonly #settlement: Settlement
  readonly #eventTime: EventTime | undefined
  readonly #groups = new Map<string, OpenGroup>()
  #late: Part[] = []
  #held = 0
  /** The earliest end of an open window. */
  #earliest = Number.POSITIVE_INFINITY
  /** performance.now() of the last time something came in or went out. */
  #moved = performance.now()
  #purged = 0
  #timer: NodeJS.Timeout | undefined
  #scheduled = false
  #draining = false
  #closed = false

  constructor(options: CollectorOptions, settlement: Settlement) {
    this.#options = options
    this.#settlement = settlement
    const { window } = options.gather
    if (window?.eventTime === true) this.#eventTime = new EventTime(window.lateness, window.idle)
  }

  /** Items of which something waits in what is open. */
  get held(): number {
    return this.#held
  }

  get recovered(): number {
    return this.#options.out.recovered
  }

  get lanes(): Outflow['lanes'] {
    return this.#options.out.lanes
  }

  /** Takes the outputs of an item. Throws what the step throws for them; nothing has been taken then. */
  take(item: Item): void {
    const outputs = listOf(item.output)
    item.output = undefined
    const gathered = outputs.map(message => ({ message, ...this.#options.gather.take(message) }))
    begin(item, outputs.length)
    if (outputs.length === 0) {
      item.outcome = 'filtered'
      return this.#settlement.finished(item)
    }
    const since = performance.now()
    const { source, properties } = item.message
    const identity = source.identity ?? properties.messageId
    const first = source.identity === undefined && source.attempt <= 1
    gathered.forEach(({ message, key, value, size, time }, at) => {
      const own = identity === undefined || outputs.length === 1 ? identity : `${identity}#${at}`
      this.add({ item, message, key, value, size, time, since, identity: own, first })
    })
  }

  /** Takes one part, or takes it back. */
  add(part: Part): void {
    const { count, bytes = Number.POSITIVE_INFINITY, window } = this.#options.gather
    this.#moved = performance.now()
    if (part.item.collected++ === 0) this.#held++
    const group = window === undefined ? this.#batch(part, bytes) : this.#window(part)
    if (group === undefined) this.#late.push(part)
    else {
      group.parts.push(part)
      group.bytes += part.size
      if (group.parts.length === count || group.bytes >= bytes) this.#send([group], 'size')
    }
    if (this.#draining || this.#late.length > 0 || this.#eventTime !== undefined) this.#schedule()
    this.#arm()
  }

  #batch(part: Part, bytes: number): OpenGroup {
    const name = nameOf(0, part.key)
    const open = this.#groups.get(name)
    if (open !== undefined && open.bytes + part.size <= bytes) return open
    if (open !== undefined) this.#send([open], 'size')
    return this.#open(name, { key: part.key, start: 0, end: 0, due: this.#moved + this.#options.gather.every })
  }

  // undefined = its window has closed.
  #window(part: Part): OpenGroup | undefined {
    const { every } = this.#options.gather
    const time = part.time ?? Date.now()
    const start = Math.floor(time / every) * every
    const end = start + every
    const name = nameOf(start, part.key)
    const { sequence } = part.item.message.source
    const open = this.#groups.get(name)
    if (open === undefined && this.#isLate(sequence, end)) return undefined
    this.#eventTime?.saw(sequence, time, this.#moved)
    if (open !== undefined) return open
    // One millisecond more, for the two clocks are not read in the same moment.
    const due = this.#eventTime === undefined ? this.#moved + end - Date.now() + 1 : Number.POSITIVE_INFINITY
    this.#earliest = Math.min(this.#earliest, end)
    return this.#open(name, { key: part.key, start, end, due })
  }

  // What was held and has expired comes again, and is not late: its sequence has gone back.
  #isLate(sequence: string, end: number): boolean {
    if (this.#eventTime?.passed(sequence, end) !== true) return false
    if (this.#moved - this.#purged > LOOK) this.purge()
    return this.#eventTime.passed(sequence, end)
  }

  #open(name: string, group: Omit<OpenGroup, 'parts' | 'bytes'>): OpenGroup {
    const open = { ...group, parts: [], bytes: 0 }
    this.#groups.set(name, open)
    return open
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#look(false)
    })
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#closed) return
    const [oldest] = this.#groups.values()
    if (oldest === undefined) return
    const wait = Math.min(LOOK, Math.max(0, oldest.due - performance.now()))
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#look(true)
      this.#arm()
    }, wait)
  }

  /** Closes what has to close. `timer`: time has passed since the last look. */
  #look(timer: boolean): void {
    if (this.#closed) return
    const late = this.#late
    this.#late = []
    if (late.length > 0) this.#options.out.late(this.#leave(late))
    if (this.#draining) return this.#send([...this.#groups.values()], 'drain')
    const now = performance.now()
    const limit = this.#eventTime?.limit(now)
    if (limit !== undefined && limit < this.#earliest && !timer) return
    const due = [...this.#groups.values()].filter(group =>
      limit === undefined ? group.due <= now : group.end <= limit,
    )
    if (due.length > 0) this.#send(due, limit === Number.POSITIVE_INFINITY ? 'idle' : 'time')
    else if (timer && this.#isCrowded(now)) this.#sendOldest()
  }

  #isCrowded(now: number): boolean {
    const { out, inFlight, lag } = this.#options
    if (this.#held === 0 || out.underWay > 0) return false
    const still = now - this.#moved
    if (this.#settlement.inFlight >= inFlight) return still >= LOOK
    return still >= STALLED && (lag() ?? 0) > 0
  }

  #sendOldest(): void {
    const all = [...this.#groups.values()]
    const end = Math.min(...all.map(group => group.end))
    const oldest = all.filter(group => group.end === end)
    this.#options.crowded(oldest.length)
    this.#send(oldest, 'crowded')
  }

  // What has expired stays behind: it comes again, and is gathered then.
  #send(groups: readonly OpenGroup[], closing: Closing): void {
    this.#moved = performance.now()
    if (groups.some(group => group.parts.some(part => !isLive(part)))) this.purge()
    const live = groups.filter(group => this.#groups.delete(nameOf(group.start, group.key)) && group.parts.length > 0)
    for (const group of live) this.#leave(group.parts)
    this.#earliest = Math.min(...[...this.#groups.values()].map(group => group.end))
    // Invariant 4: the windows of a key leave in their order, whichever of them was opened first.
    if (live.length > 0)
      this.#options.out.send(
        live.toSorted((a, b) => a.start - b.start),
        closing,
      )
  }

  #leave(parts: readonly Part[]): readonly Part[] {
    for (const { item, since } of parts) {
      item.waited = Math.max(item.waited, this.#moved - since)
      if (--item.collected === 0) this.#held--
    }
    return parts
  }

  /** Lets go of what has expired, everywhere. True = there was something, which comes again. */
  purge(): boolean {
    this.#purged = performance.now()
    const expired: Part[] = []
    for (const [name, group] of this.#groups) {
      const live = group.parts.filter(isLive)
      if (live.length === group.parts.length) continue
      for (const part of group.parts) if (!isLive(part)) expired.push(part)
      group.bytes -= group.parts.reduce((sum, part) => (isLive(part) ? sum : sum + part.size), 0)
      group.parts = live
      if (live.length === 0) this.#groups.delete(name)
    }
    this.#leave(expired)
    for (const { item } of expired) {
      this.#eventTime?.rewind(item.message.source.sequence)
      this.#settlement.drop(item)
    }
    return expired.length > 0
  }

  /** The route stops: what is open closes now, and what still comes in closes at once. */
  flush(): void {
    this.#draining = true
    this.#schedule()
  }

  /** The source's session is over: all of it comes again, from an earlier place. */
  sweep(): void {
    this.purge()
    this.#eventTime?.clear()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#options.out.close()
  }
}

const nameOf = (start: number, key: string | null): string => (key === null ? `${start}` : `${start} ${key}`)

function listOf(output: TransformResult): readonly Message[] {
  if (output === undefined) return []
  return Array.isArray(output) ? (output as readonly Message[]) : [output as Message]
}
