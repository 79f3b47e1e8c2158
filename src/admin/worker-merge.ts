import { GRAVEST, type History, type RouteDetails, type RouteView } from './route-schema.ts'
import type { Told } from './worker-door.ts'

/** One route as all workers have it. `told` has an answer of at least one. */
export function mergeRoute<T extends RouteView>(told: readonly Told<T>[]): T {
  const views = told.flatMap(({ answer }) => (answer === undefined ? [] : [answer]))
  const [first] = views as [T, ...T[]]
  const sum = (of: (view: T) => number) => tenths(views.reduce((total, view) => total + of(view), 0))
  const most = (of: (view: T) => number | null) => longest(views.map(of))
  return {
    ...first,
    state: GRAVEST.find(state => views.some(view => view.state === state)) ?? first.state,
    conditions: conditions(told),
    received: sum(view => view.received),
    settled: sum(view => view.settled),
    deadLettered: sum(view => view.deadLettered),
    rates: {
      received: sum(view => view.rates.received),
      settled: sum(view => view.rates.settled),
      deadLettered: sum(view => view.rates.deadLettered),
    },
    latency: { p50Ms: most(view => view.latency.p50Ms), p99Ms: most(view => view.latency.p99Ms) },
    lag: first.lagOf === 'gateway' ? total(views.map(view => view.lag)) : most(view => view.lag),
    inFlight: sum(view => view.inFlight),
    inFlightLimit: sum(view => view.inFlightLimit),
    heldLanes: sum(view => view.heldLanes),
    oldestMs: most(view => view.oldestMs),
    workers: told.map(({ worker, answer }) => {
      if (answer === undefined) return { worker, state: null, ...NOTHING }
      const { state, received, settled, deadLettered, rates, lag, inFlight } = answer
      return { worker, state, received, settled, deadLettered, rates, lag, inFlight }
    }),
  }
}

/** The same with what only one route shows. */
export function mergeDetails(told: readonly Told<RouteDetails>[]): RouteDetails {
  const views = told.flatMap(({ answer }) => (answer === undefined ? [] : [answer]))
  const requests = views.flatMap(view => (view.requests === undefined ? [] : [view.requests]))
  return {
    ...mergeRoute(told),
    counts: added(views.map(view => view.counts)),
    ...(requests.length > 0 && { requests: added(requests) }),
    errors: views.flatMap(view => view.errors).sort((a, b) => b.at.localeCompare(a.at)),
  }
}

/** Every route that any worker has, in the order of the first. */
export function mergeLists(told: readonly Told<{ readonly routes: readonly RouteView[] }>[]): RouteView[] {
  const names = new Set(told.flatMap(({ answer }) => answer?.routes.map(({ name }) => name) ?? []))
  return [...names].map(name =>
    mergeRoute(
      told.map(({ worker, refusal, answer }) => {
        const route = answer?.routes.find(view => view.name === name)
        return { worker, refusal, answer: route }
      }),
    ),
  )
}

/** Curves laid over each other with their newest points together. */
export function mergeHistories(all: readonly History[]): History {
  const names = new Set(all.flatMap(({ routes }) => Object.keys(routes)))
  const routes: History['routes'] = {}
  for (const name of names) {
    const curves = all.flatMap(history => history.routes[name] ?? [])
    const merged = (key: keyof (typeof curves)[0], join: (values: readonly (number | null)[]) => number | null) => {
      const length = Math.max(...curves.map(curve => curve[key].length))
      return Array.from({ length }, (_, i) => join(curves.map(curve => curve[key].at(i - length) ?? null)))
    }
    routes[name] = {
      received: merged('received', total),
      settled: merged('settled', total),
      deadLettered: merged('deadLettered', total),
      lag: merged('lag', longest),
      inFlight: merged('inFlight', total),
      oldestMs: merged('oldestMs', longest),
      p50Ms: merged('p50Ms', longest),
      p99Ms: merged('p99Ms', longest),
    }
  }
  return { everyMs: all[0]?.everyMs ?? 0, routes }
}

const NOTHING = {
  received: 0,
  settled: 0,
  deadLettered: 0,
  rates: { received: 0, settled: 0, deadLettered: 0 },
  lag: null,
  inFlight: 0,
}

// The same of several workers is said once, since the first of them.
function conditions(told: readonly Told<RouteView>[]): RouteView['conditions'] {
  const found = new Map<string, RouteView['conditions'][number]>()
  for (const condition of told.flatMap(({ answer }) => answer?.conditions ?? [])) {
    const key = JSON.stringify([condition.part, condition.code, condition.message])
    const known = found.get(key)
    if (known === undefined || condition.since < known.since) found.set(key, condition)
  }
  return [...found.values()]
}

const tenths = (value: number): number => Math.round(value * 10) / 10

const numbers = (values: readonly (number | null)[]) => values.filter(value => value !== null)

function longest(values: readonly (number | null)[]): number | null {
  const known = numbers(values)
  return known.length === 0 ? null : Math.max(...known)
}

function total(values: readonly (number | null)[]): number | null {
  const known = numbers(values)
  return known.length === 0 ? null : tenths(known.reduce((sum, value) => sum + value, 0))
}

function added(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const one of all) for (const [name, value] of Object.entries(one)) sums[name] = (sums[name] ?? 0) + value
  return sums
}
