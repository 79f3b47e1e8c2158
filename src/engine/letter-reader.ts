import { SluiceError } from '../core/errors.ts'
import type { Delivery, Sink, Source } from '../core/ports.ts'
import { KEPT_HEADER, readLetter } from './letter.ts'

export interface LetterReaderOptions {
  readonly source: Source
  readonly sink: Sink
  /** The source settles each message on its own (Features.redelivery). */
  readonly each: boolean
  /** Only looks: nothing is settled, and reading ends where the source hands out no more unsettled messages. */
  readonly looks: boolean
  /** Identifies this reading: marks what it put back itself. */
  readonly run: string
  readonly signal: AbortSignal
}

/** Silence after which nothing more is expected, in ms: with the lag known to be 0, and without knowing. */
const QUIET = 500
const QUIET_UNKNOWN = 5_000
/** Longest wait for the first message: a consumer group takes its time to form. */
const FIRST = 15_000
/**
 * From this delivery on a kept letter is written anew: RabbitMQ 4 drops what was given back more than 20 times, and sources
 * become cautious with what comes again and again, well before.
 */
const TIRED = 6
/** Most letters held while reading on; more are written anew at the end of the queue. */
const MOST_HELD = 500

/**
 * Reads a dead-letter target once from the oldest to the newest letter there was at the start, and keeps in it what is not
 * wanted: given back where the broker settles one by one, else written anew at its end before it is acknowledged.
 */
export class LetterReader {
  /** Epoch milliseconds; letters that failed later belong to the next reading. */
  readonly started = Date.now()
  readonly #options: LetterReaderOptions
  #held = 0

  constructor(options: LetterReaderOptions) {
    this.#options = options
  }

  async *deliveries(): AsyncGenerator<Delivery> {
    const { source, signal } = this.#options
    const quiet = new AbortController()
    const watch = new QuietWatch(source, quiet, signal)
    try {
      for await (const batch of source.receive(AbortSignal.any([signal, quiet.signal]))) {
        for (const delivery of batch) {
          if (this.#isNew(delivery)) {
            // Everything behind it is newer still. Left unsettled: given back, it would come again at once.
            if (!this.#options.each) return
            continue
          }
          watch.seen()
          yield delivery
          watch.seen()
        }
      }
    } finally {
      watch.stop()
    }
  }

  // Also who only looks meets its own letters: those that were tired. Beyond them it sees all.
  #isNew(delivery: Delivery): boolean {
    if (delivery.message.headers.text(KEPT_HEADER) === this.#options.run) return true
    return !this.#options.looks && readLetter(delivery.message).lastFailure >= this.started
  }

  /** Leaves the letter where it is. Throws when it had to be written anew and the target refused. */
  async keep(delivery: Delivery): Promise<void> {
    const { each, looks, sink, run, signal } = this.#options
    const tired = each && delivery.message.source.attempt >= TIRED
    // Unsettled until the source is closed: then the broker has it again, in its place.
    if (!tired && (looks || (each && this.#held++ < MOST_HELD))) return
    const { headers } = delivery.message
    const [result] = await sink.publish([delivery.message.with({ headers: headers.with(KEPT_HEADER, run) })], signal)
    if (result !== null)
      throw new SluiceError('DEAD_LETTER_FAILED', `a dead letter could not be put back: ${result?.message}`, {
        cause: result,
      })
    delivery.ack()
  }
}

// Ends the reading after a silence: there is no other sign of the end of a queue.
class QuietWatch {
  readonly #timer: NodeJS.Timeout
  #last = performance.now()
  #any = false

  constructor(source: Source, quiet: AbortController, signal: AbortSignal) {
    let asking = false
    this.#timer = setInterval(async () => {
      const silent = performance.now() - this.#last
      if (silent > (this.#any ? QUIET_UNKNOWN : FIRST)) return quiet.abort()
      if (silent < QUIET || asking || source.lag === undefined) return
      asking = true
      try {
        if ((await source.lag(signal)) === 0 && performance.now() - this.#last >= QUIET) quiet.abort()
      } catch {
        // Unknown lag: the longer silence decides.
      } finally {
        asking = false
      }
    }, 100)
  }

  seen(): void {
    this.#any = true
    this.#last = performance.now()
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
