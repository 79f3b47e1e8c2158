import type { SluiceError } from '../core/errors.ts'
import type { Claim, Delivery, TransformResult } from '../core/ports.ts'
import type { Collector } from './collector.ts'
import type { Dedup } from './dedup.ts'
import type { Item, Stage } from './item.ts'
import { type Lane, Lanes } from './lanes.ts'
import { outputsOf } from './outputs.ts'
import { HELD_WAIT, type PipelineOptions } from './pipeline-options.ts'
import { Settlement } from './settlement.ts'
import { Sleepers } from './sleepers.ts'
import { Turn, type TurnOwner } from './turn.ts'
import { Unfinished } from './unfinished.ts'
import { type Verdict, Verdicts } from './verdicts.ts'

/**
 * The line of a message, top to bottom: receive → lane → dedup claim → transforms → collect or publish → settle.
 * Everything here is called from one tick to the next without locks; run-time state of the route and wiring are elsewhere.
 */
export class Pipeline implements TurnOwner {
  readonly unfinished = new Unfinished()
  readonly #options: PipelineOptions
  readonly #verdicts: Verdicts
  readonly #lanes = new Lanes()
  readonly #sleepers = new Sleepers()
  readonly #settlement: Settlement
  readonly #collector: Collector | undefined
  #closed = false
  /** Settlement.handOver. Of a line that has ended, and that collects nothing, claims nothing and asks nobody. */
  readonly handOver = (): readonly Delivery[] => this.#settlement.handOver()

  constructor(options: PipelineOptions) {
    this.#options = options
    this.#settlement = new Settlement(options, this.unfinished)
    this.#collector = options.collector?.(this.#settlement)
    this.#verdicts = new Verdicts(options.retry, options.deadLetters !== undefined)
  }

  /** Deliveries on the line: received and neither settled nor dropped. */
  get inFlight(): number {
    return this.#settlement.inFlight + (this.#collector?.recovered ?? 0)
  }

  /** How long the oldest delivery has been on the line, in ms; undefined = there is none. */
  readonly oldestMs = (): number | undefined => this.#settlement.oldestMs

  /** Deliveries that wait in batches and windows for others to come. */
  get held(): number {
    return this.#collector?.held ?? 0
  }

  /** Keys with something on the line, and how many of them wait for another attempt. */
  get lanes(): { readonly all: number; readonly held: number } {
    const { all, held } = this.#collector?.lanes ?? { all: 0, held: 0 }
    return { all: this.#lanes.size + all, held: this.#sleepers.size + held }
  }

  // 1. Receive. The key is computed from the received message, before dedup and transforms, so nothing overtakes.
  admit(deliveries: readonly Delivery[]): void {
    const ready: Lane[] = []
    for (const item of this.#settlement.received(deliveries)) {
      const lane = this.#place(item)
      if (lane === undefined || lane.busy) continue
      lane.busy = true
      ready.push(lane)
    }
    for (const lane of ready) this.#begin(lane)
  }

  /** Puts a delivery aside unseen. Only on a route with a dead letter. */
  refuse(delivery: Delivery, reason: SluiceError): void {
    const item = this.#settlement.received([delivery])[0]!
    item.fail(reason, 'receive', false)
    this.#settlement.putAside(item, reason)
  }

  #place(item: Item): Lane | undefined {
    let stage: Stage = 'receive'
    try {
      this.#options.hops.check(item.message)
      stage = 'order'
      const lane = this.#lanes.of(this.#options.order(item.message))
      lane.push(item)
      return lane
    } catch (error) {
      const verdict = this.#judged(item, error, stage)
      if ('poison' in verdict) this.#settlement.putAside(item, verdict.poison)
      else this.#sleepers.sleep(this.#lanes.of(undefined), verdict.delayMs, () => this.#placeAgain(item))
      return undefined
    }
  }

  #placeAgain(item: Item): void {
    if (item.gone) return this.#settlement.drop(item)
    const lane = this.#place(item)
    if (lane === undefined || lane.busy) return
    lane.busy = true
    this.#begin(lane)
  }

  // 2. A turn: the next run of one lane. A loop, not a recursion: run after run may be filtered.
  #begin(lane: Lane): void {
    const { dedup, turn } = this.#options
    while (!this.#closed) {
      if (lane.notBefore > 0) {
        const wait = lane.notBefore - performance.now()
        lane.notBefore = 0
        if (wait > 0) return this.#sleepers.sleep(lane, wait, () => this.#begin(lane))
      }
      const taken = lane.take(turn.count, turn.bytes)
      if (taken.length === 0) {
        lane.busy = false
        this.#lanes.release(lane)
        return
      }
      const items = this.#settlement.live(taken)
      if (items.length === 0) continue
      if (dedup === undefined ? !this.#transform(lane, items) : !this.#claim(lane, items, dedup)) return
    }
  }

  // 3. Dedup: claim before the work. True = nothing was claimed, the lane may go on.
  #claim(lane: Lane, items: readonly Item[], dedup: Dedup): boolean {
    const asked: Item[] = []
    for (let i = 0; i < items.length; i++) {
      const item = items[i]!
      try {
        item.dedupKey ??= dedup.keyOf(item.message)
        asked.push(item)
      } catch (error) {
        if (!this.#stumbled(lane, items, i, error, 'dedup')) break
      }
    }
    if (asked.length === 0) return true
    dedup.claim(asked, claims => {
      if (!this.#closed && this.#claimed(lane, asked, claims)) this.#begin(lane)
    })
    return false
  }

  // A copy of what is done is settled; a copy of what is under way waits, and everything behind it in its lane.
  #claimed(lane: Lane, items: readonly Item[], claims: readonly Claim[]): boolean {
    const run: Item[] = []
    for (let i = 0; i < items.length; i++) {
      if (claims[i] === 'held') {
        if (this.#collector === undefined || this.#collector.purge()) {
          this.#cut(lane, items, i, HELD_WAIT)
          break
        }
        // Its original may wait in a window for what is behind the copy: it waits aside.
        this.#sleepers.sleep(this.#lanes.of(undefined), HELD_WAIT, () => this.#placeAgain(items[i]!))
        continue
      }
      if (claims[i] === 'fresh') run.push(items[i]!)
      else this.#settlement.settle(items[i]!, 'deduplicated')
    }
    return this.#transform(lane, run)
  }

  // 4. Transforms. True = nothing came out, the lane may go on.
  #transform(lane: Lane, items: readonly Item[]): boolean {
    const passed: Item[] = []
    for (let i = 0; i < items.length; i++) {
      const item = items[i]!
      try {
        const output = this.#apply(item)
        if (output instanceof Promise) {
          void this.#transformLater(lane, items, i, output, passed)
          return false
        }
        this.#pass(item, output, passed)
      } catch (error) {
        if (!this.#stumbled(lane, items, i, error, 'transform')) break
      }
    }
    return this.#handOn(lane, passed)
  }

  async #transformLater(
    lane: Lane,
    items: readonly Item[],
    from: number,
    first: Promise<TransformResult>,
    passed: Item[],
  ): Promise<void> {
    for (let i = from; i < items.length; i++) {
      const item = items[i]!
      try {
        this.#pass(item, await (i === from ? first : this.#apply(item)), passed)
      } catch (error) {
        if (this.#closed || !this.#stumbled(lane, items, i, error, 'transform')) break
      }
    }
    if (!this.#closed && this.#handOn(lane, passed)) this.#begin(lane)
  }

  #pass(item: Item, output: TransformResult, passed: Item[]): void {
    item.output = output
    passed.push(item)
    if (this.#options.tap?.open === true) this.#options.tap.look(item)
  }

  #apply(item: Item): TransformResult | Promise<TransformResult> {
    const marked = this.#options.hops.mark(item.message)
    return this.#options.transform === undefined ? marked : this.#options.transform(marked, item)
  }

  #handOn(lane: Lane, items: readonly Item[]): boolean {
    return this.#collector === undefined ? this.#publish(lane, items) : this.#collect(lane, items, this.#collector)
  }

  // 5a. Collect: what waits for others does not hold back its lane. True: the lane goes on.
  #collect(lane: Lane, items: readonly Item[], collector: Collector): true {
    for (let i = 0; i < items.length; i++) {
      try {
        collector.take(items[i]!)
      } catch (error) {
        if (!this.#stumbled(lane, items, i, error, 'transform')) break
      }
    }
    return true
  }

  // 5b. Publish, batched across lanes. True = nothing to publish.
  #publish(lane: Lane, items: readonly Item[]): boolean {
    const { messages, owners, filtered } = outputsOf(items, this.#options.mark)
    for (const item of filtered) this.finished(item)
    if (messages.length === 0) return true
    this.#options.publisher.enqueue(new Turn(lane, messages, owners, this))
    return false
  }

  again(turn: Turn, delayMs: number): void {
    if (this.#closed) return
    if (delayMs === 0) this.#options.publisher.enqueue(turn)
    else if (turn.refresh()) this.#sleepers.sleep(turn.lane, delayMs, () => this.#options.publisher.enqueue(turn))
  }

  ended(lane: Lane): void {
    this.#begin(lane)
  }

  judge(item: Item, error: SluiceError, counts: boolean): Verdict {
    return this.#judged(item, error, 'publish', counts)
  }

  // 6. Settle.
  finished(item: Item): void {
    this.#settlement.finished(item)
  }

  #judged(item: Item, error: unknown, stage: Stage, counts = true): Verdict {
    const verdict = this.#verdicts.judge(item, error, stage, counts)
    if ('poison' in verdict) return verdict
    if (counts && verdict.again) this.#options.retried(item)
    if (verdict.hopeless === true) this.#options.blocked(item)
    return verdict
  }

  // True = item `at` was put aside and the run goes on without it; false = it must be tried again, the run ends before it.
  #stumbled(lane: Lane, items: readonly Item[], at: number, error: unknown, stage: Stage): boolean {
    const item = items[at]!
    const verdict = this.#judged(item, error, stage)
    if (this.#options.tap?.open === true) this.#options.tap.stumbled(item, error, !('poison' in verdict))
    if ('poison' in verdict) this.#settlement.putAside(item, verdict.poison)
    else this.#cut(lane, items, at, verdict.delayMs)
    return 'poison' in verdict
  }

  // Invariant 4: what must wait goes back to the front of its lane, with all that is behind it.
  #cut(lane: Lane, items: readonly Item[], from: number, delayMs: number): void {
    const rest = items.slice(from)
    for (const item of rest) this.#options.dedup?.forget(item)
    lane.putBack(rest)
    lane.notBefore = performance.now() + delayMs
  }

  /** The source's session is over: what expired and is not published leaves the line now. */
  sweep(): void {
    this.#sleepers.wakeAll()
    this.#collector?.sweep()
    this.#options.publisher.sweep()
    this.#settlement.sweep()
  }

  /** No more will come for long: what waits for others leaves now, and so does what still comes. */
  flush(): void {
    this.#collector?.flush()
  }

  /** Ends the line: no timer runs on, nothing new is published. What is unsettled comes again, or goes on (Line.handOver). */
  close(): void {
    this.#closed = true
    this.#sleepers.close()
    this.#collector?.close()
    this.#lanes.clear()
  }
}
