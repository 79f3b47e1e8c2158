import type { RouteConfig } from '../config/schema.ts'
import { Conditions } from './conditions.ts'
import { Line } from './line.ts'
import type { RouteDeps } from './route-deps.ts'
import { Telemetry } from './telemetry.ts'

/**
 * Builds what a route would be built from and lets go of it. Throws what keeps it from being built; a broker or a store that
 * is away is no reason, so neither is asked. Does no I/O but what transforms do in `create`.
 */
export async function rehearse(route: RouteConfig, deps: RouteDeps): Promise<void> {
  const { name, inFlight } = route
  const { log, inFlightBytes } = deps
  const line = await Line.create({
    ...deps,
    // The running route has its store open, and it may be the only one that can.
    route: { ...route, dedup: undefined },
    stores: undefined,
    redrive: true,
    conditions: new Conditions(name, log),
    metrics: new Telemetry().route(name),
    context: () => ({ route: name, inFlight, inFlightBytes, log, status: () => {} }),
    left: () => {},
    moved: () => {},
    tripped: () => {},
  })
  await line[Symbol.asyncDispose]()
}
