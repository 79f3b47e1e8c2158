import type { TransformFactory } from '../../src/core/ports.ts'
import type { SourceEnd, TargetEnd } from './ends.ts'
import { fill, RunningGateway } from './gateway.ts'

const TEMPLATE = `
version: 1
admin: false
connections:
  source: { $SOURCE }
  target: { $TARGET }
routes:
  stream:
    from: { connection: source, $FROM }
    to: { connection: target, $TO }
    retry: { backoff: { initial: 10ms, max: 200ms } }
`

/** A source and a target, of whatever brokers. */
export interface Ends {
  readonly source: SourceEnd
  readonly target: TargetEnd
}

/** routes.yaml for a lane; `more` is further YAML of the route, its lines indented by four. */
export function routesFor(lane: Ends, more = '', variables: Readonly<Record<string, unknown>> = {}): string {
  const { source, target } = lane
  const ends = { SOURCE: source.connection, TARGET: target.connection, FROM: source.from, TO: target.to }
  return fill(TEMPLATE + more, { ...ends, ...variables })
}

/** Starts the one route of a lane. */
export function startRoute(
  lane: Ends,
  more = '',
  transforms: readonly TransformFactory[] = [],
  variables: Readonly<Record<string, unknown>> = {},
): Promise<RunningGateway> {
  return RunningGateway.start(routesFor(lane, more, variables), transforms)
}
