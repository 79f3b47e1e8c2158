import { SluiceError } from '../core/errors.ts'
import { type HeaderEntry, Headers } from '../core/headers.ts'
import { type Message, type Properties, RESERVED } from '../core/message.ts'
import { type BackoffOptions, backoffDelay, sleep } from './backoff.ts'
import type { Item, Outcome } from './item.ts'
import type { Publisher, Run } from './publisher.ts'

/**
 * Puts messages aside. `done` runs once the message is safe there, is counted as discarded, or is given up (`dropped`: its
 * delivery has expired, or the route has stopped; it stays unsettled and comes again).
 */
export interface DeadLetters {
  write(item: Item, done: (outcome: Outcome) => void): void
}

/** `deadLetter: discard`: allowed, counted, never silent. */
export class Discard implements DeadLetters {
  write(_item: Item, done: (outcome: Outcome) => void): void {
    done('discarded')
  }
}

/** Names of the headers a dead letter carries beside the message's own. Times are ISO 8601, UTC. */
export const DEAD_LETTER_HEADERS = {
  route: 'sluice-dead-route',
  code: 'sluice-dead-reason',
  message: 'sluice-dead-message',
  stage: 'sluice-dead-stage',
  attempts: 'sluice-dead-attempts',
  first: 'sluice-dead-first',
  last: 'sluice-dead-last',
  connection: 'sluice-dead-connection',
  address: 'sluice-dead-address',
  position: 'sluice-dead-position',
  subject: 'sluice-dead-subject',
  id: 'sluice-dead-id',
  /** Of the original, ms since 1970: the letter's own time is that of its last failure, for Kafka's retention counts from it. */
  timestamp: 'sluice-dead-timestamp',
  /** The properties of the original that would make the dead letter vanish: its time to live, and its not being persistent. */
  expiration: 'sluice-dead-expiration',
  deliveryMode: 'sluice-dead-delivery-mode',
} as const

const PERSISTENT = 2
/** Longest text of an error kept in a header: brokers limit the size of all headers together. */
const LONGEST_REASON = 4_000

export interface DeadLetterOptions {
  readonly route: string
  readonly publisher: Publisher
  readonly backoff: BackoffOptions
  /** Last messages looked at, and how many of them may be dead-lettered before the route stops. */
  readonly window: { readonly size: number; readonly threshold: number } | undefined
  /** The window is full: the route must stop. Called once. */
  tripped(error: SluiceError): void
  /** A dead letter could not be written; it is tried again. */
  failed(error: SluiceError): void
  /** A dead letter that had failed is written. */
  recovered(): void
}

/** Writes dead letters to a target. Invariant 1: the source is acked only after the dead-letter target has confirmed. */
export class DeadLetterWriter implements DeadLetters {
  readonly #options: DeadLetterOptions
  readonly #signal: AbortSignal
  // A ring of the last outcomes: 1 = dead-lettered.
  readonly #outcomes: Uint8Array
  #next = 0
  #dead = 0
  #stopped = false
  #refused = 0
  #again: Run[] = []

  constructor(options: DeadLetterOptions, signal: AbortSignal) {
    this.#options = options
    this.#signal = signal
    this.#outcomes = new Uint8Array(options.window?.size ?? 0)
  }

  /** Dead letters that the target has refused and that are tried again. */
  get refused(): number {
    return this.#refused
  }

  /** Counts a message that did well. */
  passed(): void {
    if (this.#outcomes.length > 0) this.#note(0)
  }

  write(item: Item, done: (outcome: Outcome) => void): void {
    if (this.#outcomes.length > 0) this.#note(1)
    if (this.#stopped) return done('dropped')
    const letter = deadLetter(item, item.poison!, this.#options.route)
    this.#options.publisher.enqueue(this.#run(letter, item, done))
  }

  #note(dead: 0 | 1): void {
    const { window } = this.#options
    this.#dead += dead - this.#outcomes[this.#next]!
    this.#outcomes[this.#next] = dead
    this.#next = (this.#next + 1) % this.#outcomes.length
    if (this.#stopped || this.#dead <= window!.threshold) return
    this.#stopped = true
    const why = `${this.#dead} of the last ${window!.size} messages were dead-lettered (threshold ${window!.threshold})`
    this.#options.tripped(new SluiceError('DEAD_LETTER_WINDOW', why))
  }

  // A dead letter is tried until it is confirmed: there is nowhere else to put it. Behind a closed gate it waits its turn.
  #run(letter: Message, item: Item, done: (outcome: Outcome) => void): Run {
    const { publisher, backoff } = this.#options
    let failures = 0
    const settle = (outcome: Outcome) => {
      if (failures > 0 && --this.#refused === 0) this.#options.recovered()
      done(outcome)
    }
    const run: Run = {
      messages: [letter],
      next: 0,
      queued: 0,
      get begun() {
        return item.begun
      },
      refresh: () => {
        if (!item.delivery.expired) return true
        settle('dropped')
        return false
      },
      done: ([result]) => {
        if (result === null) return settle('dead-lettered')
        if (this.#signal.aborted) return
        if (result!.scope === 'endpoint') return this.#hold(run)
        if (++failures === 1) this.#refused++
        const why = `the dead letter of message ${item.message.id} was refused: ${result!.message}`
        this.#options.failed(new SluiceError('DEAD_LETTER_FAILED', why, { cause: result }))
        void sleep(backoffDelay(backoff, failures), this.#signal).then(() => {
          if (!this.#signal.aborted) publisher.enqueue(run)
        })
      },
    }
    return run
  }

  // Those of one batch fail one after the other: together they go back before what has come since.
  #hold(run: Run): void {
    if (this.#again.push(run) > 1) return
    queueMicrotask(() => {
      const again = this.#again
      this.#again = []
      this.#options.publisher.putBack(again)
    })
  }
}

/**
 * The message exactly as received, with the facts of its failure beside it; it neither runs out nor dies with its broker, nor is it
 * old already when it is put aside.
 */
export function deadLetter(item: Item, reason: SluiceError, route: string): Message {
  const { message } = item
  const { source } = message
  const H = DEAD_LETTER_HEADERS
  const now = Date.now()
  const [first, last] = [item.firstFailure || now, item.lastFailure || now]
  const facts: HeaderEntry[] = [
    [H.route, route],
    [H.code, reason.code],
    [H.message, reason.message.slice(0, LONGEST_REASON)],
    [H.stage, item.stage],
    [H.attempts, item.attempts],
    [H.first, iso(first)],
    [H.last, iso(last)],
    [H.connection, source.connection],
    [H.address, source.address],
    [H.position, source.position],
    [H.subject, message.subject],
    [H.id, message.id],
    [H.timestamp, message.timestamp],
  ]
  const { expiration, deliveryMode, ...rest } = message.properties
  let properties: Properties = message.properties
  if (expiration !== undefined || (deliveryMode !== undefined && deliveryMode !== PERSISTENT)) {
    if (expiration !== undefined) facts.push([H.expiration, expiration])
    if (deliveryMode !== undefined) facts.push([H.deliveryMode, deliveryMode])
    properties = deliveryMode === undefined ? rest : { ...rest, deliveryMode: PERSISTENT }
  }
  const headers = readable(message.headers).concat(facts)
  return message.with({ headers, properties, timestamp: last })
}

// Headers that cannot even be decoded are left out: the bytes are kept, and the reason says what was wrong.
function readable(headers: Headers): Headers {
  try {
    return headers.without(name => name.startsWith(`${RESERVED}dead-`))
  } catch {
    return Headers.EMPTY
  }
}

const iso = (time: number): string => new Date(time).toISOString()
