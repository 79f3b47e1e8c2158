import type { Driver } from '../core/ports.ts'
import type { CheckedConnection } from './check-connection.ts'
import type { Path } from './problem.ts'
import type { EndpointConfig } from './schema.ts'
import { isMapping, type Mapping, type Scope } from './scope.ts'
import { didYouMean } from './suggestion.ts'

/** One end of a route as far as it can be told. */
export interface CheckedEndpoint {
  readonly driver: Driver
  readonly config: EndpointConfig | undefined
}

export type Connections = ReadonlyMap<string, CheckedConnection>

/** Checks `from`, `to` or `deadLetter` without its keys that are not the driver's. Undefined when the driver is unknown. */
export function checkEndpoint(
  part: 'source' | 'sink',
  value: unknown,
  path: Path,
  connections: Connections | undefined,
  scope: Scope,
): CheckedEndpoint | undefined {
  if (connections === undefined || !isMapping(value) || typeof value['connection'] !== 'string') return undefined
  const { connection, ...options } = value as Mapping & { connection: string }
  const known = connections.get(connection)
  if (known === undefined) {
    const hint = didYouMean(connection, connections.keys(), 'Connections') ?? 'Define it under `connections`.'
    return scope.report([...path, 'connection'], `there is no connection "${connection}"`, hint)
  }
  const { driver } = known
  if (driver === undefined) return undefined
  const valid = scope.valid(driver.schema[part], options, path)
  // The driver's own check sees what was written: a default is not a contradiction.
  if (valid === undefined || !scope.further(() => driver.check?.(part, options), path))
    return { driver, config: undefined }
  return { driver, config: { connection, options: valid as Mapping } }
}
