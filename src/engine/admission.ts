import type { Delivery } from '../core/ports.ts'
import type { BudgetShare } from './budget.ts'
import type { Nudge } from './nudge.ts'
import type { Suspects } from './suspects.ts'
import type { RouteMetrics } from './telemetry.ts'
import type { Track } from './track.ts'

export interface AdmissionOptions {
  readonly track: Track
  readonly budget: BudgetShare
  readonly metrics: RouteMetrics
  readonly suspects: Suspects
  /** Nudged whenever an item leaves the line or will be tried again, and when a gate opens. */
  readonly nudge: Nudge
  /** The route stops receiving. */
  readonly signal: AbortSignal
}

/** Longest time between two looks at what is waited for, in ms: not everything nudges. */
const LOOK = 1_000

/** What stands between a source and its line: rate, suspects, room. */
export class Admission {
  readonly #options: AdmissionOptions
  #pacing = false

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  /** It waits for nothing but its own rate. */
  get pacing(): boolean {
    return this.#pacing
  }

  /** Puts a batch on the line, as fast as the route may. */
  async admit(batch: readonly Delivery[]): Promise<void> {
    const { budget, metrics, suspects, track } = this.#options
    const { config, line, rate } = track.way
    let size = 0
    let suspicious = false
    for (const delivery of batch) {
      size += delivery.message.size
      if (suspects.is(delivery)) suspicious = true
    }
    budget.take(size)
    metrics.took(batch.length, size)
    if (track.held || suspicious || rate !== undefined || line.pipeline.inFlight + batch.length > config.inFlight)
      await this.#inPieces(batch)
    else line.pipeline.admit(batch)
  }

  async #inPieces(batch: readonly Delivery[]): Promise<void> {
    const { suspects, nudge, signal, track } = this.#options
    for (let from = 0; from < batch.length; ) {
      if (signal.aborted) return this.#giveBack(batch.slice(from))
      if (track.held) {
        await nudge.wait(LOOK, signal)
        continue
      }
      const first = batch[from]!
      if (first.expired) {
        track.way.line.pipeline.admit([first])
        from++
        continue
      }
      const alone = suspects.is(first)
      if (alone) await this.#calm(first)
      const granted = await this.#granted(alone ? 1 : lengthOfPiece(batch, from, suspects))
      // Invariant 4: nothing goes onto a line that is handed over behind its back.
      if (track.held) continue
      if (alone && granted === 1) {
        this.#admitSuspect(first)
        await this.#calm(first)
      } else track.way.line.pipeline.admit(batch.slice(from, from + granted))
      from += granted
    }
  }

  /** How many may go now: within the line's room and the rate; 0 = none yet, or the route stops. */
  async #granted(wanted: number): Promise<number> {
    const { nudge, signal, track } = this.#options
    const { config, line, rate } = track.way
    const room = Math.min(wanted, config.inFlight - line.pipeline.inFlight)
    if (room <= 0) {
      await nudge.wait(LOOK, signal)
      return 0
    }
    if (rate === undefined) return room
    this.#pacing = true
    const granted = await rate.take(room, signal)
    this.#pacing = false
    return granted
  }

  #admitSuspect(delivery: Delivery): void {
    const { suspects, track } = this.#options
    const { config, line } = track.way
    const reason = config.deadLetter === undefined ? undefined : suspects.accuse(delivery)
    if (reason === undefined) line.pipeline.admit([delivery])
    else line.pipeline.refuse(delivery, reason)
  }

  // Until nothing is on the line but what waits for another attempt, or for others to leave with: that has not stopped the
  // process.
  async #calm(delivery: Delivery): Promise<void> {
    const { nudge, signal, track } = this.#options
    const busy = ({ inFlight, held, lanes } = track.way.line.pipeline) => inFlight > held && lanes.held === 0
    while (busy() && !signal.aborted && !delivery.expired) await nudge.wait(LOOK, signal)
  }

  // Never put on the line: the broker delivers them again once the source is closed.
  #giveBack(rest: readonly Delivery[]): void {
    const { budget, metrics } = this.#options
    for (const delivery of rest) budget.give(delivery.message.size)
    metrics.gaveBack(rest.length)
  }

  /**
   * Invariant 6: nothing more is taken while the line is full, the process is full, the target is away, or dead letters
   * cannot be written.
   */
  async room(): Promise<void> {
    const { nudge, signal, budget } = this.#options
    do {
      while (!signal.aborted && this.#full) await nudge.wait(LOOK, signal)
      await budget.room(signal)
    } while (!signal.aborted && this.#full)
  }

  get #full(): boolean {
    const { track } = this.#options
    const { line, config } = track.way
    return track.held || line.pipeline.inFlight >= config.inFlight || line.closed
  }
}

// Up to the next one that must go alone.
function lengthOfPiece(batch: readonly Delivery[], from: number, suspects: Suspects): number {
  let to = from + 1
  while (to < batch.length && !batch[to]!.expired && !suspects.is(batch[to]!)) to++
  return to - from
}
