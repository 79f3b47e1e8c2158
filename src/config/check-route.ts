import { featuresOf } from '../core/features.ts'
import { checkDedup } from './check-dedup.ts'
import { checkDelivery } from './check-delivery.ts'
import { type CheckedEndpoint, type Connections, checkEndpoint } from './check-endpoint.ts'
import { checkReply } from './check-reply.ts'
import { checkStep } from './check-step.ts'
import type { Path } from './problem.ts'
import type { OrderConfig } from './route-schema.ts'
import type { DeadLetterConfig, EndpointConfig, RouteConfig, StepConfig } from './schema.ts'
import { isMapping, type Mapping, type Scope } from './scope.ts'

/**
 * Checks one route. `raw` is as written; `frame` is the same with the defaults of everything that no driver, transform or
 * store defines, or undefined where that part is wrong.
 */
export function checkRoute(
  name: string,
  raw: Mapping,
  frame: Mapping | undefined,
  connections: Connections | undefined,
  scope: Scope,
): RouteConfig | undefined {
  const path: Path = ['routes', name]
  const from = checkEndpoint('source', raw['from'], [...path, 'from'], connections, scope)
  const to = checkEndpoint('sink', raw['to'], [...path, 'to'], connections, scope)
  const written = Array.isArray(raw['transform']) ? (raw['transform'] as readonly unknown[]) : []
  const steps = written.map((step, index) => checkStep(step, [...path, 'transform', index], scope))
  const deadLetter = checkDeadLetter(raw['deadLetter'], [...path, 'deadLetter'], connections, scope)
  const keys = raw['dedup']
  const dedup = isMapping(keys)
    ? checkDedup(
        { ...keys, ...(frame?.['dedup'] as Mapping | undefined), store: keys['store'] },
        [...path, 'dedup'],
        scope,
      )
    : undefined
  const reply = checkReply(raw, { from, to, frame }, path, scope)
  const deliverable = checkDelivery(raw, path, from, to, scope)
  if (frame === undefined || from?.config === undefined || to?.config === undefined) return undefined
  if (steps.includes(undefined) || !deliverable) return undefined
  if (deadLetter === undefined && raw['deadLetter'] !== undefined) return undefined
  if (dedup === undefined && raw['dedup'] !== undefined) return undefined
  return {
    ...(frame as unknown as RouteConfig),
    name,
    from: from.config,
    to: to.config,
    transform: steps as StepConfig[],
    order:
      (frame['order'] as OrderConfig | undefined) ??
      (steps.some(step => scope.context.registry.gathers.has(step!.name))
        ? 'source'
        : defaultOrder(from, to, to.config)),
    deadLetter,
    dedup,
    reply,
  }
}

function checkDeadLetter(
  value: unknown,
  path: Path,
  connections: Connections | undefined,
  scope: Scope,
): DeadLetterConfig | 'discard' | undefined {
  if (value === 'discard') return 'discard'
  if (!isMapping(value)) return undefined
  const { window, ...endpoint } = value
  const checked = checkEndpoint('sink', endpoint, path, connections, scope)
  const config: EndpointConfig | undefined = checked?.config
  if (checked === undefined || config === undefined) return undefined
  // Invariant 1: the source is acked once the dead letter is safe, and here it never would be.
  if (!featuresOf(checked.driver, 'sink', config.options).durable)
    return scope.report(
      path,
      `${checked.driver.name} does not keep what is published there, so a dead letter would be lost`,
      'Use a target that stores messages: a queue, a topic or a stream.',
    )
  return window === undefined ? config : { ...config, window: window as NonNullable<DeadLetterConfig['window']> }
}

// By the target's key where one is given (unless that is one of what was gathered, not of what is received); else by the key
// that came with the message; else there is nothing to order by.
function defaultOrder(source: CheckedEndpoint, sink: CheckedEndpoint, to: EndpointConfig): OrderConfig {
  const option = featuresOf(sink.driver, 'sink', to.options).keyOption
  const key = option === undefined ? undefined : to.options[option]
  if (typeof key === 'string' || typeof key === 'number') return { by: key }
  return featuresOf(source.driver, 'source', source.config?.options).keys ? { by: '${key}' } : 'none'
}
