import { setTimeout as wait } from 'node:timers/promises'
import { type Static, Type } from 'typebox'
import { configHash } from '../config/plan.ts'
import { Closed } from '../core/schema.ts'
import type { Gateway } from '../engine/gateway.ts'
import type { Sight } from '../engine/tap.ts'
import { VersionSchema } from './config-endpoints.ts'
import type { ApiRequest, Stream, StreamEvent } from './endpoint.ts'
import { MessageSchema, messageView } from './message-view.ts'
import type { NameRedactor } from './redaction.ts'
import { Refusal } from './refusal.ts'
import { ReloadSchema } from './reload-schema.ts'
import type { Reloading } from './reloading.ts'
import { RouteSchema } from './route-schema.ts'
import type { RouteViews } from './route-view.ts'

const EVERY_MS = 1_000
/** Most messages that wait for a slow watcher; more are left out, and counted. */
const MOST_WAITING = 100

export const Status = Closed(
  {
    at: Type.String({ description: 'ISO 8601.' }),
    version: VersionSchema,
    routes: Type.Array(RouteSchema),
    reload: Type.Union([ReloadSchema, Type.Null()], { description: 'The last attempt to apply a configuration.' }),
  },
  { title: 'Status' },
)

const TapQuery = Closed({
  rate: Type.Optional(Type.Integer({ default: 10, minimum: 1, maximum: 50, description: 'Most messages per second.' })),
  body: Type.Optional(
    Type.Integer({ default: 4_096, minimum: 0, maximum: 65_536, description: 'Most characters of a body.' }),
  ),
})

const Tapped = Closed(
  {
    at: Type.String({ description: 'ISO 8601.' }),
    passed: Type.Integer({ description: 'Messages that have passed since the tap was opened, shown or not.' }),
    before: Type.Union([MessageSchema, Type.Null()], { description: 'As received; null = a sign of life.' }),
    after: Type.Array(MessageSchema, {
      description: 'What the transforms made of it; empty = they dropped it. `batch` and `window` come behind the tap.',
    }),
    failure: Type.Optional(
      Closed(
        {
          code: Type.String(),
          message: Type.String(),
          again: Type.Boolean({ description: 'true: it is tried again; false: it is put aside.' }),
        },
        { description: 'Why there is nothing after: it failed in the deduplication or a transform.' },
      ),
    ),
  },
  { title: 'Tapped' },
)

export interface StreamParts {
  readonly gateway: Gateway
  readonly views: RouteViews
  readonly reloading: Reloading | undefined
  readonly redactor: NameRedactor
}

/** What goes on, as server-sent events. */
export function streams(parts: StreamParts): Stream[] {
  return [
    {
      method: 'GET',
      path: '/api/events',
      id: 'watchStatus',
      summary: 'Every second an event `status` with the state of everything.',
      access: 'read',
      answer: Status,
      events: ({ signal }) => statuses(parts, signal),
    },
    {
      method: 'GET',
      path: '/api/routes/:name/tap',
      id: 'tapRoute',
      summary:
        'A sample of the messages that pass a route, before and after its transforms, as events `message`; each second without one an event `alive`. What `admin.redact` names is hidden.',
      access: 'read',
      query: TapQuery,
      answer: Tapped,
      refusals: ['NOT_FOUND', 'ROUTE_DISABLED'],
      events: request => taps(parts, request),
    },
  ]
}

async function* statuses({ gateway, views, reloading }: StreamParts, signal: AbortSignal): AsyncGenerator<StreamEvent> {
  let { config } = gateway.running
  let version = configHash(config)
  while (!signal.aborted) {
    // Hashing it all is not for every second.
    if (gateway.running.config !== config) version = configHash((config = gateway.running.config))
    const at = new Date().toISOString()
    yield { event: 'status', data: { at, version, routes: views.list(), reload: reloading?.last ?? null } }
    await wait(EVERY_MS, undefined, { signal, ref: false }).catch(() => undefined)
  }
}

async function* taps(
  { gateway, views, redactor }: StreamParts,
  { params, query, signal }: ApiRequest,
): AsyncGenerator<StreamEvent> {
  const name = params['name']!
  const { rate = 10, body = 4_096 } = query as Static<typeof TapQuery>
  views.config(name)
  const route = gateway.route(name)
  if (route === undefined) throw new Refusal('ROUTE_DISABLED', `the route "${name}" is disabled`)
  // Invariant 6: what nobody fetches is left out.
  const waiting: Sight[] = []
  let wake = () => {}
  using tap = route.tap.listen({
    rate,
    see: sight => {
      if (waiting.length < MOST_WAITING) waiting.push(sight)
      wake()
    },
  })
  const event = (name: string, sight: Sight | undefined): StreamEvent => {
    const view = (message: Sight['before']) => messageView(message, redactor, body)
    const before = sight === undefined ? null : view(sight.before)
    const after = sight === undefined ? [] : sight.after.map(view)
    const failure = sight?.failure === undefined ? {} : { failure: sight.failure }
    return { event: name, data: { at: new Date().toISOString(), passed: tap.passed, before, after, ...failure } }
  }
  yield event('alive', undefined)
  // The route that is tapped is gone when it was started anew or taken out: who taps asks again.
  while (!signal.aborted && gateway.route(name) === route) {
    const sight = waiting.shift()
    if (sight !== undefined) {
      yield event('message', sight)
      continue
    }
    const quiet = new AbortController()
    wake = () => quiet.abort()
    const until = AbortSignal.any([signal, quiet.signal])
    const woken = await wait(EVERY_MS, false, { signal: until, ref: false }).catch(() => true)
    if (!woken) yield event('alive', undefined)
  }
}
