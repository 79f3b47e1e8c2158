import type { Context, Hono } from 'hono'
import type { AccessControl } from './access.ts'
import { type Api, bodyOf, callerOf } from './api.ts'
import { Refusal } from './refusal.ts'
import { send, type WorkerDoor } from './worker-door.ts'

const METHODS = ['GET', 'POST', 'PUT'] as const
/** What of an answer goes on to the caller. */
const HEADERS = ['content-type', 'x-accel-buffering', 'allow', 'www-authenticate']

/** Hands every other request to the first worker that runs: dead letters, taps, plans, the configuration, the description. */
export function mountPass(
  app: Hono,
  api: Api,
  access: AccessControl,
  doors: readonly WorkerDoor[],
  closing: AbortSignal,
): void {
  const pass = async (context: Context): Promise<Response> => {
    const door = doors.find(({ admin }) => admin !== undefined)
    if (door === undefined) throw new Refusal('NOT_RUNNING', 'no worker runs')
    const { method, url } = context.req
    const { pathname, search } = new URL(url)
    const body = reads(method) ? undefined : await bodyOf(context)
    const signal = AbortSignal.any([context.req.raw.signal, closing])
    const asked = {
      method: method as (typeof METHODS)[number],
      path: pathname + search,
      authorization: context.req.header('authorization'),
      ifMatch: context.req.header('if-match')?.replaceAll('"', ''),
      body,
    }
    const response = await send(door, asked, signal)
    const headers = HEADERS.flatMap(name => {
      const value = response.headers.get(name)
      return value === null ? [] : [[name, value] as [string, string]]
    })
    return new Response(response.body, { status: response.status, headers })
  }
  app.get('/api/openapi.json', context =>
    refusing(api, context, () => {
      access.origin({ ...callerOf(context), site: undefined })
      return pass(context)
    }),
  )
  app.on([...METHODS], '/api/*', context =>
    api.guarded(context, reads(context.req.method) ? 'read' : 'write', () => pass(context)),
  )
}

const reads = (method: string): boolean => method === 'GET' || method === 'HEAD'

async function refusing(api: Api, context: Context, act: () => Promise<Response>): Promise<Response> {
  try {
    return await act()
  } catch (error) {
    return api.refuse(context, error)
  }
}
