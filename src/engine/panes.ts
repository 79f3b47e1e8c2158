import { createHash } from 'node:crypto'
import { SluiceError } from '../core/errors.ts'
import type { Closing, Frame, Gather } from '../core/gather.ts'
import { sleep } from './backoff.ts'
import type { Group, Outflow } from './collector.ts'
import type { Item, Outcome } from './item.ts'
import { type Merged, type MergedLine, mergedOf } from './merged.ts'
import type { PaneMemory } from './pane-memory.ts'
import type { NotedPane } from './pane-note.ts'
import { finish, isLive, type Part, type PartOutcome, refuse } from './part.ts'
import type { Settlement } from './settlement.ts'

export interface PanesOptions {
  readonly route: string
  readonly gather: Gather
  readonly line: MergedLine
  readonly memory: PaneMemory
  /** `order: none`: the windows of a key need not keep their order. */
  readonly unordered: boolean
  /** Told apart from the windows of the running gateway: ends every id. */
  readonly suffix: string
  /** A window closed. */
  readonly closed: (closing: Closing) => void
  /** Takes back what cannot be told yet: another process works on it. */
  readonly again: (part: Part) => void
}

/** One leaving of a window: as a rule its only one. */
interface Pane extends NotedPane {
  readonly parts: readonly Part[]
  /** Redeliveries of what is in it, settled with it. */
  readonly copies: Part[]
}

/** A pane that is being made. */
interface Draft {
  readonly group: Group
  parts: Part[]
  readonly copies: Part[]
  number: number
}

/** Panes of so many windows are counted without asking the store. */
const MOST_NUMBERS = 10_000
/** How long a message waits that another process works on, in ms. */
const HELD_WAIT = 1_000
/** Longest id that every broker takes as a message id (AMQP: 255 bytes). */
const LONGEST_ID = 200

/**
 * Closed windows on their way. Acks are not atomic: a kill between two of them must not count the rest again. So what a
 * window holds is claimed, and the finished aggregate noted, before it is published; and all of it is remembered before the
 * first ack. What was noted and not remembered is published by the next process exactly as it was; what comes again and is
 * remembered is a copy. Each message is in exactly one aggregate (Invariant 3), each aggregate has one id and one content.
 */
export class Panes implements Outflow {
  readonly #options: PanesOptions
  readonly #settlement: Settlement
  readonly #signal: AbortSignal
  /** The pane under way that holds a message, by its key in the store; undefined = it is being made. */
  readonly #holders = new Map<string, { readonly copies: Part[] }>()
  readonly #numbers = new Map<string, number>()
  #queue: (() => Promise<void>)[] = []
  #working = false
  #underWay = 0
  #recovered = 0

  constructor(options: PanesOptions, settlement: Settlement, signal: AbortSignal) {
    this.#options = options
    this.#settlement = settlement
    this.#signal = signal
  }

  get underWay(): number {
    return this.#underWay
  }

  get recovered(): number {
    return this.#recovered
  }

  get lanes(): Outflow['lanes'] {
    return this.#options.line.lanes
  }

  /** Publishes what a killed process had noted and not seen confirmed. Call before anything is received. Throws STORE_AWAY. */
  async begin(): Promise<void> {
    const noted = await this.#options.memory.begin()
    this.#recovered = noted.length
    const panes = noted.map(pane => ({ ...pane, parts: [], copies: [] }))
    for (const pane of panes) for (const member of pane.members) this.#holders.set(member, pane)
    this.#underWay += panes.length
    this.#options.line.admit(panes.map(pane => this.#merged(pane, undefined, true)))
  }

  send(groups: readonly Group[], closing: Closing): void {
    this.#underWay += groups.length
    this.#enqueue(() => this.#close(groups, closing))
  }

  late(parts: readonly Part[]): void {
    this.#enqueue(() => this.#judgeLate(parts))
  }

  // One after the other: the windows of a key leave in their order (Invariant 4).
  #enqueue(work: () => Promise<void>): void {
    this.#queue.push(work)
    if (this.#working) return
    this.#working = true
    void this.#work()
  }

  async #work(): Promise<void> {
    for (let work = this.#queue.shift(); work !== undefined && !this.#signal.aborted; work = this.#queue.shift())
      await work()
    this.#working = false
  }

  async #close(groups: readonly Group[], closing: Closing): Promise<void> {
    const { memory, line, closed } = this.#options
    const drafts = groups.map(group => ({ group, parts: [...group.parts], copies: [], number: 0 }))
    if (!(await this.#claim(drafts)) || !(await this.#number(drafts))) return
    const panes: Pane[] = []
    const made: Merged[] = []
    for (const draft of drafts) {
      if (draft.parts.length === 0) {
        this.#underWay--
        // What they are copies of was done already: asked once more, so will they be.
        for (const part of draft.copies) this.#options.again(part)
        continue
      }
      closed(closing)
      const { message, broken } = mergedOf(this.#options.gather, draft.parts, this.#frame(draft, closing))
      const pane: Pane = {
        key: keyOf(draft),
        members: draft.parts.flatMap(part => memberOf(part) ?? []),
        lane: this.#options.unordered ? undefined : (draft.group.key ?? ''),
        message,
        parts: draft.parts,
        copies: draft.copies,
      }
      panes.push(pane)
      made.push(this.#merged(pane, broken, false))
    }
    if (panes.length > 0 && (await memory.note(panes))) line.admit(made)
  }

  // Invariant 3: a message that left with another window is not counted again. False = the route stops.
  async #claim(drafts: readonly Draft[]): Promise<boolean> {
    const asked: { readonly key: string; readonly part: Part; readonly draft: Draft }[] = []
    for (const draft of drafts)
      draft.parts = draft.parts.filter(part => {
        const key = memberOf(part)
        if (key === undefined) return true
        const holder = this.#holders.get(key)
        if (holder !== undefined) {
          if (part.first) return true
          holder.copies.push(part)
          return false
        }
        this.#holders.set(key, draft)
        asked.push({ key, part, draft })
        return true
      })
    const claims = await this.#options.memory.claim(asked.map(({ key }) => key))
    if (claims === undefined) return false
    asked.forEach(({ key, part, draft }, at) => {
      if (claims[at] === 'fresh' || part.first) return
      this.#holders.delete(key)
      draft.parts.splice(draft.parts.indexOf(part), 1)
      if (claims[at] === 'done') this.#finish(part, 'deduplicated')
      else this.#againLater(part)
    })
    return true
  }

  // Another process works on it: whether it was counted will be known later.
  #againLater(part: Part): void {
    void sleep(HELD_WAIT, this.#signal).then(() => {
      if (!this.#signal.aborted) this.#options.again(part)
    })
  }

  // The first number under which nothing has left for this key and time. False = the route stops.
  async #number(drafts: readonly Draft[]): Promise<boolean> {
    let open = drafts.filter(draft => draft.parts.length > 0)
    for (const draft of open) draft.number = this.#numbers.get(windowOf(draft.group)) ?? 0
    while (open.length > 0) {
      const claims = await this.#options.memory.claim(open.map(keyOf))
      if (claims === undefined) return false
      const taken: Draft[] = []
      open.forEach((draft, at) => {
        if (claims[at] === 'fresh') this.#remember(draft)
        else {
          draft.number++
          taken.push(draft)
        }
      })
      open = taken
    }
    return true
  }

  #remember({ group, number }: Draft): void {
    const window = windowOf(group)
    this.#numbers.delete(window)
    this.#numbers.set(window, number + 1)
    if (this.#numbers.size > MOST_NUMBERS) this.#numbers.delete(this.#numbers.keys().next().value!)
  }

  #frame({ group, number }: Draft, closing: Closing): Frame {
    const { route, suffix } = this.#options
    const { key, start, end } = group
    const place = key === null ? '' : `/${key}`
    const rest = `/${new Date(start).toISOString()}${number === 0 ? '' : `/${number}`}${suffix}`
    const plain = `${route}${place}${rest}`
    const id = Buffer.byteLength(plain) <= LONGEST_ID ? plain : `${route}/${digest(place)}${rest}`
    return { route, key, id, closing, start, end, pane: number }
  }

  #merged(pane: Pane, broken: SluiceError | undefined, recovered: boolean): Merged {
    const { memory } = this.#options
    const left = (settle: () => void, remembered: Promise<boolean>) =>
      void remembered.then(done => {
        // The route stops: what is not remembered is not acked either, and comes again.
        if (!done) return
        for (const member of pane.members) this.#holders.delete(member)
        this.#underWay--
        if (recovered) this.#recovered--
        settle()
      })
    return {
      message: pane.message,
      lane: pane.lane,
      broken,
      // Noted is noted: it goes out whatever becomes of its deliveries, and they are recognised when they come again.
      expired: false,
      left: (outcome: Outcome) => {
        if (outcome === 'dropped') return
        left(() => {
          for (const part of pane.parts) this.#finish(part, outcome as PartOutcome)
          for (const part of pane.copies) this.#finish(part, 'deduplicated')
        }, memory.confirm(pane))
      },
      refused: (reason: SluiceError, item: Item) =>
        left(() => {
          for (const part of [...pane.parts, ...pane.copies])
            refuse(part, reason, item, each => this.#settlement.finished(each))
        }, memory.giveUp(pane)),
    }
  }

  // Late, or a copy of what was counted in time.
  async #judgeLate(parts: readonly Part[]): Promise<void> {
    const { memory, gather } = this.#options
    const known = parts.filter(part => memberOf(part) !== undefined && !part.first)
    const keys = [...new Set(known.map(part => memberOf(part)!))]
    const claims = await memory.claim(keys)
    if (claims === undefined) return
    const answers = new Map(keys.map((key, at) => [key, claims[at]!]))
    const fresh = keys.filter(key => answers.get(key) === 'fresh')
    if (fresh.length > 0 && !(await memory.forget(fresh))) return
    for (const part of parts) {
      const key = memberOf(part)
      const answer = key === undefined || part.first ? 'fresh' : answers.get(key)
      const holder = key === undefined ? undefined : this.#holders.get(key)
      if (!isLive(part)) this.#settlement.drop(part.item)
      else if (answer === 'held' && holder !== undefined) holder.copies.push(part)
      else if (answer === 'held') this.#againLater(part)
      else if (answer === 'done') this.#finish(part, 'deduplicated')
      else if (gather.window!.late === 'drop') this.#finish(part, 'late')
      else refuse(part, lateness(part), undefined, item => this.#settlement.finished(item))
    }
  }

  #finish(part: Part, outcome: PartOutcome): void {
    finish(part, outcome, item => this.#settlement.finished(item))
  }

  close(): void {
    this.#queue = []
    this.#options.line.close()
  }
}

const windowOf = ({ start, key }: Group): string => (key === null ? `${start}` : `${start} ${key}`)
const keyOf = ({ group, number }: Draft): string => `w${number} ${windowOf(group)}`
const memberOf = ({ identity }: Part): string | undefined =>
  identity === undefined ? undefined : `m ${digest(identity)}`
const digest = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 22)

function lateness({ time }: Part): SluiceError {
  return new SluiceError('LATE', `the message is of ${new Date(time!).toISOString()}, and its window has closed`)
}
