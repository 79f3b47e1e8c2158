import type { Connections } from './check-endpoint.ts'
import type { EndpointConfig, RouteConfig } from './schema.ts'
import { isMapping, type Scope } from './scope.ts'

// The options that name a place, in the words of the brokers; the same word on both sides means the same place.
const PLACES: Readonly<Record<string, string>> = {
  address: 'address',
  queue: 'queue',
  topic: 'topic',
  topics: 'topic',
  subject: 'subject',
  subjects: 'subject',
  stream: 'stream',
  filter: 'subject',
  queues: 'queue',
}

/** The fixed places an end reads or writes, as `connection address`; places by expression are not known before a message. */
export function places(end: EndpointConfig, connections: Connections): Set<string> {
  const found = new Set<string>()
  // Two connections with one url are one broker.
  const config = connections.get(end.connection)?.config
  const broker =
    config === undefined
      ? end.connection
      : JSON.stringify([config.options['url'] ?? config.options['urls'] ?? end.connection])
  for (const [option, word] of Object.entries(PLACES)) {
    // Of a stream that is read by a filter, only these subjects are.
    if (option === 'stream' && end.options['filter'] !== undefined) continue
    const value = end.options[option]
    const values: unknown[] = Array.isArray(value) ? value : [isMapping(value) ? value['name'] : value]
    for (const name of values)
      if (typeof name === 'string' && !name.includes('${')) found.add(`${broker} ${word} ${name}`)
  }
  return found
}

/** Whether two ends have a place in common. */
export const meet = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean => !a.isDisjointFrom(b)

/** Reports routes that feed themselves, directly (an error) or through others (a warning). */
export function loops(routes: readonly RouteConfig[], connections: Connections, scope: Scope): void {
  const ends = routes.map(route => ({
    route,
    from: places(route.from, connections),
    to: places(route.to, connections),
  }))
  const next = ends.map(one => ends.filter(other => other !== one && meet(one.to, other.from)))
  const reported = new Set<string>()
  for (const [index, start] of ends.entries()) {
    if (meet(start.from, start.to))
      scope.report(
        ['routes', start.route.name, 'to'],
        'the route writes to where it reads from',
        'Each message would come round for ever; use another target.',
      )
    const trail = roundTrip(index, ends, next)
    if (trail === undefined) continue
    const names = trail.map(end => end.route.name)
    const id = names.toSorted().join(' ')
    if (reported.has(id)) continue
    reported.add(id)
    scope.warn(
      ['routes', names[0]!, 'to'],
      `the routes ${names.join(' → ')} → ${names[0]} go round in a circle`,
      'A message that passes a route twice is dead-lettered as LOOP. Stop it with a filter, or remove one of the routes.',
    )
  }
}

interface End {
  readonly route: RouteConfig
}

// The shortest way from a route back to itself, over two routes or more.
function roundTrip<E extends End>(start: number, ends: readonly E[], next: readonly (readonly E[])[]): E[] | undefined {
  const from = ends[start]!
  const before = new Map<E, E>()
  const queue = [from]
  for (const one of queue)
    for (const other of next[ends.indexOf(one)]!) {
      if (other === from) {
        const trail = [one]
        for (let step = before.get(one); step !== undefined; step = before.get(step)) trail.unshift(step)
        return trail.length > 1 ? trail : undefined
      }
      if (before.has(other)) continue
      before.set(other, one)
      queue.push(other)
    }
  return undefined
}
