import { type ProblemDetails, Refusal, type RefusalCode } from './refusal.ts'

/** One of several processes behind one admin port, by its own. */
export interface WorkerDoor {
  /** From 1 on. */
  readonly number: number
  /** Where its own admin port is, on loopback; undefined while it does not run. */
  readonly admin: string | undefined
}

/** What goes on to a worker. */
export interface Asked {
  readonly method: 'GET' | 'POST' | 'PUT'
  /** With its query. */
  readonly path: string
  readonly authorization: string | undefined
  readonly body?: unknown
  readonly ifMatch?: string | undefined
}

/** A worker and what it answered; the refusal of one that does not run, or does not answer, is NOT_RUNNING. */
export interface Told<T> {
  readonly worker: number
  readonly answer: T | undefined
  readonly refusal: Refusal | undefined
}

/** Asks one worker. Every worker has the tokens of the configuration and looks at the caller's itself. Throws nothing. */
export async function ask<T>(door: WorkerDoor, asked: Asked, signal: AbortSignal): Promise<Told<T>> {
  const { number: worker } = door
  try {
    const response = await send(door, asked, signal)
    const value: unknown = await response.json()
    if (response.ok) return { worker, answer: value as T, refusal: undefined }
    return { worker, answer: undefined, refusal: passedOn(worker, value as Partial<ProblemDetails>) }
  } catch (error) {
    const refusal = error instanceof Refusal ? error : notRunning(worker, 'does not answer')
    return { worker, answer: undefined, refusal }
  }
}

/** The answer as it is. Throws a Refusal for a worker that does not run, and what `fetch` throws. */
export async function send({ number, admin }: WorkerDoor, asked: Asked, signal: AbortSignal): Promise<Response> {
  if (admin === undefined) throw notRunning(number, 'does not run')
  const { method, path, authorization, body, ifMatch } = asked
  const headers: Record<string, string> = { 'content-type': 'application/json' }
  if (authorization !== undefined) headers['authorization'] = authorization
  if (ifMatch !== undefined) headers['if-match'] = `"${ifMatch}"`
  const init = { method, headers, signal, redirect: 'error' as const }
  return fetch(admin + path, body === undefined ? init : { ...init, body: JSON.stringify(body) })
}

const notRunning = (worker: number, what: string) => new Refusal('NOT_RUNNING', `worker ${worker} ${what}`)

// Codes are the same on both sides: both are this version.
function passedOn(worker: number, problem: Partial<ProblemDetails>): Refusal {
  const { type: _t, title: _n, status: _s, detail = 'refused', code = 'FAILED', hint, ...more } = problem
  return new Refusal(code as RefusalCode, `worker ${worker}: ${detail}`, { ...(hint && { hint }), ...more })
}
