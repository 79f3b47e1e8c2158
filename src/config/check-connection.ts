import type { Driver } from '../core/ports.ts'
import { evaluateTree } from './environment.ts'
import type { Issue, Path } from './problem.ts'
import type { ConnectionConfig } from './schema.ts'
import { isMapping, type Mapping, type Scope } from './scope.ts'
import { didYouMean, list } from './suggestion.ts'

/** A connection as far as it can be told: its driver is known even when its options are wrong. */
export interface CheckedConnection {
  readonly driver: Driver | undefined
  readonly config: ConnectionConfig | undefined
}

/** Evaluates and checks one connection. */
export function checkConnection(name: string, raw: Mapping, scope: Scope): CheckedConnection {
  const path: Path = ['connections', name]
  const { value, issues } = evaluateTree(raw, path, scope.context.sources, scope.secrets)
  scope.issues.push(...issues)
  if (!isMapping(value)) return { driver: undefined, config: undefined }
  const driver = driverOf(raw, value, path, scope, issues)
  if (driver === undefined) return { driver, config: undefined }
  const { driver: _, ...options } = value
  const before = scope.issues.length
  const valid = scope.valid(driver.schema.connection, options, path, 'none')
  explain(scope.issues, before, raw, path, issues)
  if (valid === undefined || issues.length > 0) return { driver, config: undefined }
  if (!scope.further(() => driver.check?.('connection', options), path)) return { driver, config: undefined }
  return { driver, config: { name, driver: driver.name, options: valid as Mapping } }
}

function driverOf(
  raw: Mapping,
  value: Mapping,
  path: Path,
  scope: Scope,
  issues: readonly Issue[],
): Driver | undefined {
  const { registry, drivers = [] } = scope.context
  const known = [...registry.drivers.values(), ...drivers]
  const named = value['driver']
  if (named !== undefined) {
    const driver = typeof named === 'string' ? registry.drivers.get(named) : undefined
    if (driver !== undefined) return driver
    const names = new Set(known.map(other => other.name))
    return scope.report(
      [...path, 'driver'],
      `there is no driver ${JSON.stringify(named)}`,
      didYouMean(String(named), names),
    )
  }
  const [key, url] =
    ['url', 'urls']
      .map(option => [option, first(value[option] ?? raw[option])] as const)
      .find(([, text]) => text !== undefined) ?? []
  const schemes = [...new Set(known.flatMap(driver => driver.schemes))]
  if (url === undefined) {
    const written = Object.keys(raw).find(option => /^urls?$/.test(option))
    if (written !== undefined && raw[written] !== null)
      return scope.report([...path, written], `${written} must be text`, URL_HINT)
    return scope.report(path, `the connection has no url`, `${URL_HINT} Schemes: ${list(schemes)}.`, { atKey: true })
  }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]
  if (scheme === undefined) {
    // A url that comes from a variable which is not set has been reported already.
    if (issues.some(issue => issue.path.includes(key!))) return undefined
    return scope.report(
      [...path, key!],
      `${key} does not begin with a scheme`,
      `${URL_HINT} Schemes: ${list(schemes)}.`,
    )
  }
  const driver = registry.driverFor(scheme.toLowerCase())
  if (driver !== undefined) return driver
  return scope.report([...path, key!], `no driver answers to ${scheme}://`, didYouMean(scheme, schemes, 'Schemes'))
}

const URL_HINT = 'For example: url: "amqp://user:${env.PASSWORD}@host:5672".'

const first = (value: unknown): string | undefined => {
  const one: unknown = Array.isArray(value) ? value[0] : value
  return typeof one === 'string' ? one : undefined
}

// What follows from a missing variable is not a second mistake; text from a variable is never a number.
function explain(all: Issue[], from: number, raw: Mapping, base: Path, failed: readonly Issue[]): void {
  const kept = all.splice(from).filter(issue => !failed.some(other => startsWith(issue.path, other.path)))
  for (const issue of kept) {
    let written: unknown = raw
    for (const key of issue.path.slice(base.length))
      written = isMapping(written) || Array.isArray(written) ? (written as Mapping)[key] : undefined
    const code = typeof written === 'string' ? /^\$\{(.*)\}$/s.exec(written)?.[1] : undefined
    const wants =
      code === undefined
        ? undefined
        : /number/.test(issue.message)
          ? `int(${code})`
          : /true or false/.test(issue.message)
            ? `${code} == "true"`
            : undefined
    all.push(wants === undefined ? issue : { ...issue, hint: `A variable is always text; write \${${wants}}.` })
  }
}

function startsWith(path: Path, start: Path): boolean {
  return start.every((key, index) => String(path[index]) === String(key))
}
