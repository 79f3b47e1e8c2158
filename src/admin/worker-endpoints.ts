import { setTimeout as wait } from 'node:timers/promises'
import { type Static, Type } from 'typebox'
import { Closed } from '../core/schema.ts'
import { APPLY_WITHIN } from './config-endpoints.ts'
import type { ApiRequest, Call, Endpoint, StreamEvent } from './endpoint.ts'
import { Level, type LogLevelControl } from './log-endpoints.ts'
import { Refusal } from './refusal.ts'
import { ReloadSchema } from './reload-schema.ts'
import { MARGIN } from './route-endpoints.ts'
import {
  type History,
  HistorySchema,
  type RouteDetails,
  RouteDetailsSchema,
  RouteSchema,
  type RouteView,
} from './route-schema.ts'
import { Status } from './streams.ts'
import { type Asked, ask, type Told, type WorkerDoor } from './worker-door.ts'
import { mergeDetails, mergeHistories, mergeLists } from './worker-merge.ts'

/** What the API of several workers works on. */
export interface WorkerParts {
  readonly doors: readonly WorkerDoor[]
  /** Of the parent's own log. */
  readonly logLevel: LogLevelControl
  /** `shutdown.drain`, in ms. */
  readonly drainMs: number
  /** Hides secrets in a text. */
  redact(text: string): string
}

const EVERY_MS = 1_000
/** Longest wait for one worker's view of itself, in ms: a frozen one must not hide the others. */
const LOOK_MS = 2_500
const VERBS = { pause: 'Pauses', resume: 'Resumes', drain: 'Drains', restart: 'Restarts' } as const

type Reload = Static<typeof ReloadSchema>
type Lists = { readonly routes: readonly RouteView[] }

/** What is asked of all workers, and answered as one. Everything else is one worker's to answer (worker-pass.ts). */
export function workerEndpoints({ doors, logLevel, drainMs }: WorkerParts): Endpoint[] {
  const all = <T>(asked: Asked, signal: AbortSignal) => Promise.all(doors.map(door => ask<T>(door, asked, signal)))
  const look = <T>(path: string, { authorization, signal }: ApiRequest) =>
    all<T>({ method: 'GET', path, authorization }, AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)]))
  const show = async (request: ApiRequest) => {
    const told = await look<RouteDetails>(`/api/routes/${encodeURIComponent(request.params['name']!)}`, request)
    answers(told)
    return mergeDetails(told)
  }
  const action = (verb: keyof typeof VERBS): Call => ({
    method: 'POST',
    path: `/api/routes/:name/${verb}`,
    id: `${verb}Route`,
    summary: `${VERBS[verb]} the route in every worker.`,
    access: 'write',
    answer: RouteDetailsSchema,
    within: drainMs + MARGIN * 2,
    handle: async request => {
      const { params, authorization, signal } = request
      const path = `/api/routes/${encodeURIComponent(params['name']!)}/${verb}`
      everyOne(await all({ method: 'POST', path, authorization }, signal))
      return show(request)
    },
  })
  const seeing = (path: string, id: string, summary: string) =>
    ({ method: 'GET', path, id, summary, access: 'read' }) as const
  return [
    {
      ...seeing('/api/routes', 'listRoutes', 'Every route over all workers.'),
      answer: Closed({ routes: Type.Array(RouteSchema) }),
      handle: async request => {
        const told = await look<Lists>('/api/routes', request)
        answers(told)
        return { routes: mergeLists(told) }
      },
    },
    {
      ...seeing('/api/routes/:name', 'showRoute', 'One route over all workers.'),
      answer: RouteDetailsSchema,
      handle: show,
    },
    {
      ...seeing('/api/history', 'showHistory', 'The last five minutes over all workers.'),
      answer: HistorySchema,
      handle: async request => mergeHistories(answers(await look<History>('/api/history', request))),
    },
    {
      ...seeing('/api/reload', 'showReload', 'The last attempt of a worker where it failed, else of the first.'),
      answer: ReloadSchema,
      handle: async request => worst(answers(await look<Reload>('/api/reload', request))),
    },
    ...(Object.keys(VERBS) as (keyof typeof VERBS)[]).map(action),
    {
      method: 'POST',
      path: '/api/apply',
      id: 'apply',
      summary: 'Applies the file in the first worker, and in the others when it could.',
      access: 'write',
      answer: ReloadSchema,
      within: APPLY_WITHIN,
      handle: async ({ authorization, ifMatch, signal }) => {
        const asked = { method: 'POST', path: '/api/apply', authorization, ifMatch } as const
        const [first, ...others] = doors
        const result = everyOne([await ask<Reload>(first!, asked, signal)])
        // Theirs was the same plan; where their file watch was quicker there is nothing left to do.
        const rest = { ...asked, ifMatch: undefined }
        return worst([...result, ...everyOne(await Promise.all(others.map(door => ask<Reload>(door, rest, signal))))])
      },
    },
    {
      ...seeing('/api/log-level', 'showLogLevel', 'The least level that is logged.'),
      answer: Level,
      handle: () => ({ level: logLevel.level }),
    },
    {
      method: 'PUT',
      path: '/api/log-level',
      id: 'setLogLevel',
      summary: 'Changes it in every worker, until it ends.',
      access: 'write',
      body: Level,
      answer: Level,
      handle: async ({ body, authorization, signal }) => {
        everyOne(await all({ method: 'PUT', path: '/api/log-level', authorization, body }, signal))
        logLevel.level = (body as Static<typeof Level>).level
        return { level: logLevel.level }
      },
    },
    {
      ...seeing('/api/events', 'watchStatus', 'Every second an event `status` with the state of all workers.'),
      answer: Status,
      events: request => statuses(request, look),
    },
  ]
}

async function* statuses(
  request: ApiRequest,
  look: <T>(path: string, request: ApiRequest) => Promise<Told<T>[]>,
): AsyncGenerator<StreamEvent> {
  while (!request.signal.aborted) {
    const [lists, reloads] = await Promise.all([
      look<Lists>('/api/routes', request),
      look<Reload>('/api/reload', request),
    ])
    // None answers while all start: an empty table, and not the end of the stream.
    const known = reloads.flatMap(({ answer }) => answer ?? [])
    const reload = known.length === 0 ? null : worst(known)
    const at = new Date().toISOString()
    yield { event: 'status', data: { at, version: reload?.version ?? '', routes: mergeLists(lists), reload } }
    await wait(EVERY_MS, undefined, { signal: request.signal, ref: false }).catch(() => undefined)
  }
}

/** Throws the refusal where not one answered. */
function answers<T>(told: readonly Told<T>[]): readonly T[] {
  const known = told.flatMap(({ answer }) => answer ?? [])
  if (known.length === 0) throw gravest(told)
  return known
}

/** Throws where any refused, and says which did it. */
function everyOne<T>(told: readonly Told<T>[]): readonly T[] {
  const known = told.flatMap(({ answer }) => answer ?? [])
  if (known.length === told.length) return known
  const refusal = gravest(told)
  const done = told.filter(({ answer }) => answer !== undefined).map(({ worker }) => worker)
  if (done.length === 0) throw refusal
  const { code, message, hint, more } = refusal
  throw new Refusal(code, `${message}; done in worker ${done.join(', ')}`, { ...more, ...(hint && { hint }), done })
}

// What a worker said says more than that another is away.
function gravest(told: readonly Told<unknown>[]): Refusal {
  const refusals = told.flatMap(({ refusal }) => refusal ?? [])
  return refusals.find(({ code }) => code !== 'NOT_RUNNING') ?? refusals[0]!
}

const worst = (results: readonly Reload[]): Reload => results.find(({ ok }) => !ok) ?? results[0]!
