import type { EndpointConfig } from '../config/schema.ts'
import { compileTemplate } from '../core/expression.ts'
import type { LineParts } from './line-parts.ts'
import type { Mark } from './outputs.ts'
import { RouteTracing, type TracedEnd } from './tracing.ts'

/** The tracing of a route, where there is any. */
export function routeTracing({ route, tracing, connections }: LineParts): RouteTracing | undefined {
  if (tracing === undefined) return undefined
  const end = ({ connection, options }: EndpointConfig): TracedEnd => ({
    system: connections.driverOf(connection),
    destination: nameIn(options),
  })
  return new RouteTracing(tracing, route.name, end(route.from), end(route.to))
}

/** Puts the trace into what is published, behind what else marks it. */
export function markTraced(traced: RouteTracing, mark: Mark | undefined): Mark {
  if (mark === undefined) return (message, item) => traced.send(message, item)
  return (message, item, part, parts) => traced.send(mark(message, item, part, parts), item)
}

// The first text among the options is where messages go, as long as it is the same for all of them: names with few values only.
function nameIn(options: Readonly<Record<string, unknown>>): string | undefined {
  const text = Object.values(options).find(value => typeof value === 'string' && value !== '')
  if (typeof text !== 'string') return undefined
  const { constant } = compileTemplate(text)
  return typeof constant === 'string' ? constant : undefined
}
