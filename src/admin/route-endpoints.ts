import { Type } from 'typebox'
import { Closed, milliseconds } from '../core/schema.ts'
import type { Gateway } from '../engine/gateway.ts'
import type { Route } from '../engine/route.ts'
import type { Call } from './endpoint.ts'
import type { KeyedLock } from './keyed-lock.ts'
import { Refusal } from './refusal.ts'
import { HistorySchema, RouteDetailsSchema, RouteSchema } from './route-schema.ts'
import type { RouteViews } from './route-view.ts'
import { EVERY_MS, type Sampler } from './sampler.ts'

/** Beyond the time a drain may take, in ms: closing, and the answer. */
export const MARGIN = 10_000

export interface RouteParts {
  readonly gateway: Gateway
  readonly views: RouteViews
  readonly sampler: Sampler
  readonly lock: KeyedLock
}

/** Looking at routes, pausing, resuming, draining and restarting them. */
export function routeEndpoints({ gateway, views, sampler, lock }: RouteParts): Call[] {
  const drain = milliseconds(gateway.running.config.shutdown.drain)
  const running = (name: string): Route => {
    views.config(name)
    const route = gateway.route(name)
    if (route === undefined) throw new Refusal('ROUTE_DISABLED', `the route "${name}" is disabled`)
    return route
  }
  const action = (verb: string, summary: string, act: (route: Route, signal: AbortSignal) => unknown): Call => ({
    method: 'POST',
    path: `/api/routes/:name/${verb}`,
    id: `${verb}Route`,
    summary,
    access: 'write',
    answer: RouteDetailsSchema,
    refusals: ['NOT_FOUND', 'ROUTE_DISABLED', 'BUSY'],
    within: drain + MARGIN,
    handle: async ({ params, signal }) => {
      const name = params['name']!
      const route = running(name)
      using _ = lock.take(`route ${name}`, `something else is being done to the route "${name}"`)
      await act(route, signal)
      return views.show(name)
    },
  })
  return [
    {
      method: 'GET',
      path: '/api/routes',
      id: 'listRoutes',
      summary: 'Every route, in the order of the file.',
      access: 'read',
      answer: Closed({ routes: Type.Array(RouteSchema) }),
      handle: () => ({ routes: views.list() }),
    },
    {
      method: 'GET',
      path: '/api/routes/:name',
      id: 'showRoute',
      summary: 'One route: its state and why it stands still, rates, lag, in flight, held lanes, last errors.',
      access: 'read',
      answer: RouteDetailsSchema,
      refusals: ['NOT_FOUND'],
      handle: ({ params }) => views.show(params['name']!),
    },
    {
      method: 'GET',
      path: '/api/history',
      id: 'showHistory',
      summary: 'Rates, latencies and lag of each route over the last five minutes.',
      access: 'read',
      answer: HistorySchema,
      handle: () => ({
        everyMs: EVERY_MS,
        routes: Object.fromEntries(
          views.list().flatMap(({ name }) => {
            const history = sampler.history(name)
            return history === undefined ? [] : [[name, history]]
          }),
        ),
      }),
    },
    action('pause', 'Stops receiving; what is in flight finishes. Forgotten when the process ends.', route =>
      route.pause(),
    ),
    action('resume', 'Receives again.', route => route.resume()),
    action(
      'drain',
      'Pauses, and answers when nothing is in flight, within `shutdown.drain`.',
      async (route, signal) => {
        route.pause()
        const deadline = AbortSignal.any([signal, AbortSignal.timeout(drain)])
        if (!(await route.drained(deadline)))
          throw new Refusal(
            'TIMED_OUT',
            `${route.status.inFlight} messages are still in flight; the route stays paused`,
          )
      },
    ),
    action('restart', 'Drains within `shutdown.drain`, closes everything of the route, and starts it anew.', route =>
      gateway.restart(route.config.name),
    ),
  ]
}
