import { setImmediate } from 'node:timers/promises'
import { SluiceError } from '../../core/errors.ts'
import { Bell } from './bell.ts'
import type { Client, Session } from './client.ts'

/** A connection that can be cut: a source's or sink's session. */
export interface Line {
  /** The connection is gone. */
  cut(error: SluiceError): void
  /** Something changed: look again. */
  nudge(): void
}

// Calls sent to a frozen broker wait in its socket, which has room for so many.
const SOCKET_ROOM = 1_000

/** Whether and how a broker can be reached: up, down, or frozen (connected, but never answering). */
export class Reach {
  readonly #lines = new Set<Line>()
  #down = false
  #frozen = false
  #socket: (() => void)[] = []

  get down(): boolean {
    return this.#down
  }

  get frozen(): boolean {
    return this.#frozen
  }

  attach(line: Line): void {
    this.#lines.add(line)
  }

  detach(line: Line): void {
    this.#lines.delete(line)
  }

  /** The broker stops: every connection is lost, nobody gets in. What it stored stays. */
  goDown(): void {
    this.#down = true
    this.#frozen = false
    this.#socket = []
    this.disconnect()
  }

  comeUp(): void {
    this.#down = false
  }

  /** Every connection is lost once; new ones are let in. */
  disconnect(): void {
    for (const line of [...this.#lines]) line.cut(new SluiceError('CONNECTION_LOST', 'the memory broker hung up'))
  }

  /** As after SIGSTOP: connections stay open and nothing is answered. */
  freeze(): void {
    this.#frozen = true
  }

  /** As after SIGCONT: what was sent meanwhile is done now, in order. */
  thaw(): void {
    if (!this.#frozen) return
    this.#frozen = false
    for (const sent of this.#socket.splice(0)) sent()
    this.nudge()
  }

  /** Makes every connection look again. */
  nudge(): void {
    for (const line of [...this.#lines]) line.nudge()
  }

  /** Does it now, or when the broker thaws. */
  send(action: () => void): void {
    if (!this.#frozen) action()
    else if (this.#socket.length < SOCKET_ROOM) this.#socket.push(action)
  }

  /**
   * Sends a request and waits for its answer. Throws CONNECT_FAILED when the broker is down, CONNECTION_LOST when it hangs
   * up, TIMED_OUT when it stays silent (a frozen broker may still do it after the thaw), ABORTED.
   */
  async request<T>(action: () => T, options: RequestOptions): Promise<T> {
    const { client, signal, timeoutMs, beforeMs = 0, afterMs = 0 } = options
    if (client.dead) return unanswered(signal)
    if (this.#down) throw new SluiceError('CONNECT_FAILED', 'the memory broker is down')
    const call = new Call<T>(signal)
    this.attach(call)
    client.sessions.add(call)
    try {
      await call.wait(beforeMs, () => false)
      if (call.failure === undefined && !signal.aborted)
        this.send(() => {
          if (call.failure === undefined) call.answer(action)
        })
      // An answer takes a turn of the event loop, as it does over a socket: busy routes must not starve timers.
      await setImmediate()
      await call.wait(timeoutMs, () => call.answered)
      await call.wait(afterMs, () => false)
    } finally {
      this.detach(call)
      client.sessions.delete(call)
    }
    if (client.dead) return unanswered(signal)
    if (signal.aborted) throw new SluiceError('ABORTED', 'the call was given up')
    if (call.answered && call.failure === undefined) return call.result!()
    throw call.failure ?? new SluiceError('TIMED_OUT', `the memory broker did not answer within ${timeoutMs} ms`)
  }
}

export interface RequestOptions {
  readonly client: Client
  readonly signal: AbortSignal
  readonly timeoutMs: number
  /** Waits before the broker gets it and before its answer arrives. */
  readonly beforeMs?: number
  readonly afterMs?: number
}

class Call<T> implements Line, Session {
  readonly #signal: AbortSignal
  readonly #bell = new Bell()
  failure: SluiceError | undefined
  answered = false
  result: (() => T) | undefined

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  /** Waits until `enough`, a failure, the abort or the time. */
  async wait(ms: number, enough: () => boolean): Promise<void> {
    const end = performance.now() + ms
    for (;;) {
      const rest = end - performance.now()
      if (rest <= 0 || this.failure !== undefined || this.#signal.aborted || enough()) return
      await this.#bell.wait(this.#signal, rest)
    }
  }

  answer(action: () => T): void {
    this.answered = true
    try {
      const value = action()
      this.result = () => value
    } catch (error) {
      this.result = () => {
        throw error
      }
    }
    this.#bell.ring()
  }

  cut(error: SluiceError): void {
    this.failure = error
    this.#bell.ring()
  }

  die(): void {
    this.cut(new SluiceError('CONNECTION_LOST', 'the process was killed'))
  }

  nudge(): void {}
}

/** What a killed process sees: nothing ever again, until whoever pretends to be it gives up. Throws ABORTED. */
async function unanswered(signal: AbortSignal): Promise<never> {
  await new Bell().wait(signal)
  throw new SluiceError('ABORTED', 'the process was killed')
}
