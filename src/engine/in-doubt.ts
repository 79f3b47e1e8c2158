import { asSluiceError } from '../core/errors.ts'
import { DEDUP_HEADER, type Message } from '../core/message.ts'
import type { Log, Store } from '../core/ports.ts'
import type { Item } from './item.ts'
import type { Target } from './target.ts'

export interface InDoubtOptions {
  readonly route: string
  readonly store: Store
  readonly target: Target
  /** How long a confirmed key is remembered, in ms. */
  readonly window: number
  /** Wall-clock ms of the oldest claim that is open; undefined = none is. */
  readonly oldestClaim: () => number | undefined
  /** Messages leave merged with others, so that none can be found again at the target. */
  readonly merged?: boolean
  readonly log: Log
}

/** How often the position of the target is noted, in ms. */
const NOTE_EVERY = 1_000
const MOST_POSITIONS = 64

/**
 * What a killed gateway had claimed and not yet confirmed may have arrived or not. Where the target can be read back
 * (Sink.recall) and the store remembers claims, every message carries its dedup key, and the store has a note of where the
 * target stood before the oldest open claim: so the next start finds out, instead of delivering twice.
 */
export class InDoubt {
  readonly #options: InDoubtOptions
  // Positions with the time they were taken, oldest first; the first is the one in the note.
  #positions: { readonly at: number; readonly position: string }[] = []
  #timer: NodeJS.Timeout | undefined
  #able = false
  #noting = false

  constructor(options: InDoubtOptions) {
    this.#options = options
  }

  /**
   * Settles the claims in doubt, and begins to take notes. Call when the target is there, before anything is received. A
   * target that refuses to be read back for good (no permission) is used without; other errors are thrown.
   */
  async begin(signal: AbortSignal): Promise<void> {
    const { store, target, route, log, merged } = this.#options
    this.#able = merged !== true && target.recallable && store.readNote !== undefined && store.writeNote !== undefined
    try {
      await this.#settle(signal)
      if (!this.#able) return
      this.#positions = [{ at: Date.now(), position: await target.position(signal) }]
      await store.writeNote!(this.#positions[0]!.position)
      this.#timer ??= setInterval(() => void this.#note(signal), NOTE_EVERY)
    } catch (error) {
      const { fate, message } = asSluiceError(error)
      if (fate !== 'fatal' || !this.#able) throw error
      this.#able = false
      log.warn({ route }, `route ${route}: the target cannot be read back, so a kill may cause copies: ${message}`)
      await this.#settle(signal)
    }
  }

  async #settle(signal: AbortSignal): Promise<void> {
    const { store, target, route, log, window } = this.#options
    const keys = ((await store.inDoubt?.()) ?? []).map(doubt => doubt.key)
    if (keys.length === 0) return
    const since = this.#able ? await store.readNote!() : undefined
    const arrived = since === undefined ? new Set() : arrivals(await target.recall(since, DEDUP_HEADER, signal), route)
    const here = keys.filter(key => arrived.has(key))
    if (here.length > 0) await store.confirm(here, window)
    await store.forget(keys.filter(key => !arrived.has(key)))
    const told = this.#able ? `${here.length} of them had arrived` : 'the target cannot be asked whether they arrived'
    log.info(
      { route, doubts: keys.length, arrived: here.length },
      `route ${route}: ${keys.length} message(s) were under way when the gateway was killed; ${told}`,
    )
  }

  // The note may be older than needed, never newer than the oldest claim that is still open.
  async #note(signal: AbortSignal): Promise<void> {
    const { store, target, oldestClaim, log, route } = this.#options
    if (this.#noting) return
    this.#noting = true
    try {
      const position = await target.position(signal)
      // The time of the answer: what was claimed while it was on its way may stand before the position already.
      const at = Date.now()
      this.#positions.push({ at, position })
      const oldest = oldestClaim() ?? Number.POSITIVE_INFINITY
      let moved = false
      while (this.#positions.length > 1 && this.#positions[1]!.at < oldest) {
        this.#positions.shift()
        moved = true
      }
      // While a claim stays open for long, every other one is enough.
      if (this.#positions.length > MOST_POSITIONS) this.#positions = this.#positions.filter((_, i) => i % 2 === 0)
      if (moved) await store.writeNote!(this.#positions[0]!.position)
    } catch (error) {
      log.debug(
        { route, code: asSluiceError(error).code },
        'the position of the target could not be noted; the older note stays',
      )
    } finally {
      this.#noting = false
    }
  }

  /** A copy that carries the item's dedup key, where a later start could read it. */
  mark(message: Message, item: Item, part: number, parts: number): Message {
    if (!this.#able || item.dedupKey === undefined) return message
    return message.with({
      headers: message.headers.with(DEDUP_HEADER, `${part}/${parts} ${this.#options.route} ${item.dedupKey}`),
    })
  }

  close(): void {
    clearInterval(this.#timer)
  }
}

// A key has arrived when all parts of its message have. Another route may write the same keys to the same topic.
function arrivals(found: ReadonlySet<string>, route: string): Set<string> {
  const left = new Map<string, number>()
  for (const value of found) {
    const match = /^\d+\/(\d+) (\S+) (.*)$/s.exec(value)
    if (match === null || match[2] !== route) continue
    left.set(match[3]!, (left.get(match[3]!) ?? Number(match[1])) - 1)
  }
  return new Set([...left].flatMap(([key, missing]) => (missing <= 0 ? [key] : [])))
}
