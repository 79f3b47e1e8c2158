import { Watermark } from '../../core/watermark.ts'

/** Longest time a settled delivery waits for those before it before it is acknowledged on its own. */
const PATIENCE_MS = 100
/** Longest time between an ack and its way to the broker. */
const FLUSH_MS = 5

export interface AckWriter {
  /** Acknowledges one tag, or it and all before it that are still open. */
  sendAck(tag: number, allUpTo: boolean): void
}

interface Late {
  readonly tag: number
  readonly at: number
}

/**
 * Turns acks in any order into as few frames as possible: one `multiple` ack for everything up to the first open delivery.
 * What is done behind a delivery that stays open is acknowledged singly after a moment, so that one held message neither
 * keeps thousands unacknowledged (a crash would deliver them all again) nor uses up the prefetch window.
 */
export class Acks {
  readonly #writer: AckWriter
  readonly #window: () => number
  readonly #marks = new Watermark()
  // Done behind an open one, in the order they were done, with the time; some may be below the mark by now.
  #late: Late[] = []
  // Settled on their own already: a `multiple` ack must not name one of them.
  readonly #alone = new Set<number>()
  #sent = 0
  #onIdle: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined
  #lateTimer: NodeJS.Timeout | undefined

  /** @param window how many deliveries the broker lets us hold */
  constructor(writer: AckWriter, window: () => number) {
    this.#writer = writer
    this.#window = window
  }

  /** Everything up to this tag is settled; 0 before the first. */
  get mark(): number {
    return this.#marks.mark ?? 0
  }

  /** Oldest delivery that is not settled, or undefined. */
  get oldest(): number | undefined {
    return this.#marks.oldest
  }

  open(tag: number): void {
    this.#marks.open(tag)
  }

  ack(tag: number): void {
    if (!this.#marks.close(tag)) this.#late.push({ tag, at: performance.now() })
    if (this.#onIdle !== undefined) return this.#checkIdle()
    const window = this.#window()
    if (this.mark - this.#sent > window / 4 || this.#late.length > window / 2) this.flush()
    else this.#soon()
  }

  /** The broker was told about this tag in another way (nack): it only must not hold up the others. */
  settledElsewhere(tag: number): void {
    this.#alone.add(tag)
    this.#marks.close(tag)
    if (this.#onIdle !== undefined) this.#checkIdle()
    else this.#soon()
  }

  /** Sends nothing until everything is settled, which it then tells once, or until `resume`. */
  hold(onIdle: () => void): void {
    this.#onIdle = onIdle
    this.#checkIdle()
  }

  /** Ends a `hold` and sends what it kept. */
  resume(): void {
    this.#onIdle = undefined
    this.flush()
  }

  #checkIdle(): void {
    if (this.#marks.size > 0) return
    const onIdle = this.#onIdle
    // Still holding: the channel ends now.
    this.#onIdle = () => {}
    onIdle?.()
  }

  /** Sends what can be sent as one frame, and singly what has waited too long (or everything, at the end). */
  flush(everything = false): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#onIdle !== undefined && !everything) return
    this.#flushMark()
    if (this.#late.length === 0) return
    const { mark } = this
    const crowded = this.#late.length > this.#window() / 2
    const before = everything || crowded ? Infinity : performance.now() - PATIENCE_MS
    const waiting: Late[] = []
    for (const late of this.#late) {
      if (late.tag <= mark) continue
      if (late.at > before) waiting.push(late)
      else {
        this.#writer.sendAck(late.tag, false)
        this.#alone.add(late.tag)
      }
    }
    this.#late = waiting
    if (waiting.length > 0) this.#lateTimer ??= setTimeout(() => this.#flushLate(), PATIENCE_MS / 2)
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS)
  }

  #flushLate(): void {
    this.#lateTimer = undefined
    this.flush()
  }

  #flushMark(): void {
    const { mark } = this
    if (mark === this.#sent) return
    let tag = mark
    while (tag > this.#sent && this.#alone.delete(tag)) tag--
    if (tag > this.#sent) this.#writer.sendAck(tag, true)
    if (this.#alone.size > 0) for (const alone of this.#alone) if (alone <= mark) this.#alone.delete(alone)
    this.#sent = mark
  }

  /** No more frames: the channel is gone. */
  stop(): void {
    clearTimeout(this.#timer)
    clearTimeout(this.#lateTimer)
    this.#timer = this.#lateTimer = undefined
    this.#late = []
  }
}
