import { SluiceError } from '../core/errors.ts'
import type { Log } from '../core/ports.ts'
import { RecentErrors } from './recent-errors.ts'

/** `paused`: an operator keeps it from receiving. */
export type RouteState = 'starting' | 'running' | 'paused' | 'holding' | 'blocked' | 'stopped' | 'draining' | 'ended'
/**
 * The part of a route that stands in the way. `… broker` is what an endpoint says of itself; `replies` is where answers
 * arrive from the target, `answers` their way back to requesters; `message` is one that blocks its own key while the others go
 * on, so that the route still counts as running; `transaction` is one that is published in part, so that nothing can be committed.
 */
export type Part =
  | 'source'
  | 'source broker'
  | 'target'
  | 'target broker'
  | 'dead letter'
  | 'dead letter broker'
  | 'replies'
  | 'answers'
  | 'dedup'
  | 'transform'
  | 'window'
  | 'window store'
  | 'transaction'
  | 'message'

/** An end of a route that may report on itself. */
export type Endpoint = 'source' | 'target' | 'dead letter'

const PHASES = ['starting', 'running', 'draining', 'ended'] as const
type Phase = (typeof PHASES)[number]

export interface Condition {
  readonly part: Part
  readonly code: string
  readonly message: string
  readonly hint: string
  /** ISO 8601 time since when. */
  readonly since: string
}

/** A part that comes and goes is logged so often in this time, in ms, and no more: status and metrics tell the rest. */
const MOST_LINES = 5
const QUIET = 10_000

interface Standing {
  readonly error: SluiceError
  readonly since: number
  /** It was logged, so its end is, too. */
  readonly logged: boolean
  /** Its reason was not logged, because there were too many lines: it is when it is raised again later. */
  readonly unsaid: boolean
}

/** Why a route stands still, part by part (Invariant 8). Each change is logged once; normal operation is silent. */
export class Conditions {
  readonly #route: string
  readonly #log: Log
  readonly #byPart = new Map<Part, Standing>()
  readonly #lines = new Map<Part, { readonly since: number; count: number }>()
  #phase: Phase = 'starting'
  /** What went wrong lately. */
  errors = new RecentErrors()
  /** An operator has paused the route. */
  paused = false

  constructor(route: string, log: Log) {
    this.#route = route
    this.#log = log
  }

  get state(): RouteState {
    if (this.#phase === 'ended' || this.#phase === 'draining') return this.#phase
    if (this.#byPart.has('window')) return 'stopped'
    if (this.paused) return 'paused'
    let state: RouteState = this.#phase
    for (const [part, { error }] of this.#byPart) {
      if (part === 'message') continue
      if (error.fate === 'fatal') return 'blocked'
      state = 'holding'
    }
    return state
  }

  get list(): readonly Condition[] {
    return [...this.#byPart].map(([part, { error, since }]) => ({
      part,
      code: error.code,
      message: error.message,
      hint: error.hint,
      since: new Date(since).toISOString(),
    }))
  }

  /** Something behind the source stands in the way: what is in flight may not get out. */
  get dammed(): boolean {
    for (const part of this.#byPart.keys()) if (part !== 'source' && part !== 'source broker') return true
    return false
  }

  /** Goes forward only: what drains does not run again. */
  phase(phase: Phase): void {
    if (PHASES.indexOf(phase) > PHASES.indexOf(this.#phase)) this.#phase = phase
  }

  /** Takes over from those of a former line: how far the route is, and what its source says. */
  succeed(former: Conditions): void {
    this.phase(former.#phase)
    this.paused = former.paused
    this.errors = former.errors
    for (const [part, standing] of former.#byPart)
      if (part === 'source' || part === 'source broker') this.#byPart.set(part, standing)
  }

  raise(part: Part, error: SluiceError): void {
    const before = this.#byPart.get(part)
    const changed = before?.error.code !== error.code || before.error.message !== error.message
    const unsaid = changed || before.unsaid
    const logged = unsaid && this.#mayLog(part)
    if (changed) this.errors.add(part, error)
    this.#byPart.set(part, {
      error,
      since: before?.since ?? Date.now(),
      logged: logged || before?.logged === true,
      unsaid: unsaid && !logged,
    })
    if (!logged) return
    const how = part === 'message' ? 'goes on, but ' : `${verb(part, error)}: ${part}: `
    const text = `route ${this.#route} ${how}${error.message}`
    const fields = { route: this.#route, part, code: error.code, hint: error.hint }
    this.#log[error.fate === 'fatal' ? 'error' : 'warn'](fields, text)
  }

  #mayLog(part: Part): boolean {
    const now = Date.now()
    const lines = this.#lines.get(part)
    if (lines === undefined || now - lines.since > QUIET) this.#lines.set(part, { since: now, count: 1 })
    else if (++lines.count > MOST_LINES) return false
    return true
  }

  /** What an endpoint says of itself (EndpointContext.status). */
  report(part: Endpoint, state: 'ok' | 'waiting' | 'blocked', reason = 'the broker holds us back'): void {
    if (state === 'ok') this.clear(`${part} broker`)
    else this.raise(`${part} broker`, new SluiceError('UNAVAILABLE', reason))
  }

  clear(part: Part): void {
    const before = this.#byPart.get(part)
    if (before === undefined) return
    this.#byPart.delete(part)
    if (!before.logged) return
    const seconds = Math.round((Date.now() - before.since) / 1000)
    const what = part === 'message' ? 'no message blocks its key any more,' : `${part} is back`
    this.#log.info({ route: this.#route, part, seconds }, `route ${this.#route}: ${what} after ${seconds} s`)
  }
}

function verb(part: Part, error: SluiceError): string {
  if (part === 'window') return 'has stopped'
  return error.fate === 'fatal' ? 'is blocked' : 'holds'
}
