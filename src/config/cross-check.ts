import { featuresOf } from '../core/features.ts'
import { milliseconds } from '../core/schema.ts'
import type { Connections } from './check-endpoint.ts'
import { checkGather } from './check-gather.ts'
import { checkPartitions } from './check-partitions.ts'
import { loops, meet, places } from './loops.ts'
import type { RouteConfig } from './schema.ts'
import { isMapping, type Mapping, type Scope } from './scope.ts'

/** What only shows when all connections and routes are seen together. */
export function crossCheck(
  file: Mapping,
  routes: ReadonlyMap<string, RouteConfig>,
  connections: Connections,
  scope: Scope,
): void {
  // Where something is wrong, a connection may only look unused.
  if (scope.issues.every(issue => issue.severity === 'warning')) unusedConnections(file, connections, scope)
  loops(
    [...routes.values()].filter(route => route.enabled),
    connections,
    scope,
  )
  const readers = new Map<string, string>()
  for (const route of routes.values()) {
    onePart(route, file, connections, scope)
    checkGather(route, connections.get(route.to.connection)?.driver, scope)
    if (route.enabled) sharedQueue(route, readers, connections, scope)
  }
}

function unusedConnections(file: Mapping, connections: Connections, scope: Scope): void {
  const used = new Set<unknown>()
  for (const route of Object.values(isMapping(file['routes']) ? file['routes'] : {}))
    if (isMapping(route))
      for (const end of ['from', 'to', 'deadLetter']) {
        const value = route[end]
        if (isMapping(value)) used.add(value['connection'])
      }
  const routes = file['routes']
  if (isMapping(routes) && Object.keys(routes).length === 0) {
    scope.warn(['routes'], 'there is no route, so nothing will run')
    return
  }
  for (const name of connections.keys())
    if (!used.has(name))
      scope.issues.push({
        path: ['connections', name],
        atKey: true,
        severity: 'warning',
        message: `no route uses the connection "${name}"`,
        hint: 'Remove it, or correct the name where it is meant.',
      })
}

// What is odd about one route by itself.
function onePart(route: RouteConfig, file: Mapping, connections: Connections, scope: Scope): void {
  const path = ['routes', route.name]
  const raw = (file['routes'] as Record<string, Mapping>)[route.name]!
  const { deadLetter, dedup } = route
  if (typeof deadLetter === 'object' && meet(places(deadLetter, connections), places(route.from, connections)))
    scope.report(
      [...path, 'deadLetter'],
      'the dead-letter target is the source of the same route',
      'Each dead letter would come round again; use another target.',
    )
  if (
    typeof deadLetter === 'object' &&
    deadLetter.window !== undefined &&
    deadLetter.window.threshold > deadLetter.window.size
  )
    scope.report(
      [...path, 'deadLetter', 'window', 'threshold'],
      'threshold is larger than size, so the window never stops the route',
      'Make it at most `size`.',
    )
  if (
    deadLetter === undefined &&
    route.reply === undefined &&
    isMapping(raw['retry']) &&
    raw['retry']['attempts'] !== undefined
  )
    scope.warn(
      [...path, 'retry', 'attempts'],
      'attempts has no effect without deadLetter: retries go on for ever',
      'Add `deadLetter`, or leave `attempts` out.',
    )
  if (milliseconds(route.retry.backoff.initial) > milliseconds(route.retry.backoff.max))
    scope.report([...path, 'retry', 'backoff'], 'the backoff begins above its maximum', 'Make `initial` at most `max`.')
  if (dedup !== undefined && milliseconds(dedup.window) < milliseconds(route.retry.backoff.max))
    scope.warn(
      [...path, 'dedup', 'window'],
      `the dedup window (${dedup.window}) is shorter than the longest backoff (${route.retry.backoff.max})`,
      'A message that comes again after a long wait is not recognised; make the window several times longer.',
    )
  const source = connections.get(route.from.connection)?.driver
  checkPartitions(route, raw, source, scope)
  const order = raw['order']
  const keyed = source === undefined || featuresOf(source, 'source', route.from.options).keys
  if (source !== undefined && !keyed && isMapping(order) && /^\$\{\s*key\s*\}$/.test(String(order['by'])))
    scope.warn(
      [...path, 'order', 'by'],
      `messages from ${source.name} have no key, so there is nothing to order by`,
      'Order by a header or a field of the body, e.g. ${headers.user_id}.',
    )
}

function sharedQueue(route: RouteConfig, readers: Map<string, string>, connections: Connections, scope: Scope): void {
  for (const place of places(route.from, connections)) {
    const queue = place.includes(' queue ')
    const group = route.from.options['group'] ?? route.from.options['subscription'] ?? route.from.options['durable']
    if (!queue && group === undefined) continue
    const key = `${place} ${String(group)}`
    const other = readers.get(key)
    readers.set(key, other ?? route.name)
    if (other !== undefined)
      scope.warn(
        ['routes', route.name, 'from'],
        `the route "${other}" reads the same ${queue ? 'queue' : 'group'}, so each message goes to only one of them`,
        'Give each route its own queue or group, or use one route.',
      )
  }
}
