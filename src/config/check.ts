import { checkAdmin } from './check-admin.ts'
import { checkConnection } from './check-connection.ts'
import type { Connections } from './check-endpoint.ts'
import { hintAtSteps } from './check-gather.ts'
import { checkRoute } from './check-route.ts'
import type { ConfigSource } from './config-source.ts'
import { crossCheck } from './cross-check.ts'
import { FRAME } from './file-schema.ts'
import { byPosition, type Issue, type Problem } from './problem.ts'
import type { Config, RouteConfig } from './schema.ts'
import { type CheckContext, isMapping, type Mapping, Scope } from './scope.ts'
import type { Secrets } from './secrets.ts'

export interface Checked {
  /** Errors and warnings, by position. Their texts are redacted. */
  readonly problems: readonly Problem[]
  /** Present when there is no error. */
  readonly config: Config | undefined
  readonly secrets: Secrets
}

/** Checks a whole file and resolves it: every problem at once, no I/O but what `context.sources` and transforms read. */
export function check(source: ConfigSource, context: CheckContext): Checked {
  const scope = new Scope(context)
  if (source.problems.length > 0) return { problems: source.problems, config: undefined, secrets: scope.secrets }
  const config = resolve(source.value, scope)
  const problems = distinct(scope.issues)
    .map(issue => redacted(source.problem(issue), scope.secrets))
    .toSorted(byPosition)
  return {
    problems,
    config: problems.some(problem => problem.severity === 'error') ? undefined : config,
    secrets: scope.secrets,
  }
}

function resolve(file: unknown, scope: Scope): Config | undefined {
  if (file === null || file === undefined)
    return scope.report([], 'the file is empty', 'Begin with `version: 1`, `connections:` and `routes:`.')
  if (!isMapping(file))
    return scope.report([], 'the file must be a mapping', 'Begin with `version: 1`, `connections:` and `routes:`.')
  const frame = scope.valid(FRAME, stripped(checkAdmin(file, scope)), []) as Mapping | undefined
  hintAtSteps(scope)
  const connections: Connections = new Map(
    Object.entries(isMapping(file['connections']) ? file['connections'] : {}).map(([name, raw]) => [
      name,
      isMapping(raw) ? checkConnection(name, raw, scope) : UNKNOWN,
    ]),
  )
  // Without connections every name would be unknown, which says nothing new.
  const named = isMapping(file['connections']) ? connections : undefined
  const routes = new Map<string, RouteConfig>()
  for (const [name, raw] of entries(file['routes'])) {
    const framed = (frame?.['routes'] as Record<string, Mapping> | undefined)?.[name]
    const route = checkRoute(name, raw, framed, named, scope)
    if (route !== undefined) routes.set(name, { ...route, slow: route.slow ?? (frame?.['slow'] as string) })
  }
  crossCheck(file, routes, connections, scope)
  if (frame === undefined) return undefined
  const { version: _version, routes: _routes, connections: _connections, ...top } = frame
  const opened = [...connections].flatMap(([name, { config }]) =>
    config === undefined ? [] : [[name, config] as const],
  )
  return { ...(top as unknown as Config), connections: new Map(opened), routes }
}

const UNKNOWN = { driver: undefined, config: undefined }

const entries = (value: unknown): [string, Mapping][] =>
  isMapping(value) ? Object.entries(value).filter((entry): entry is [string, Mapping] => isMapping(entry[1])) : []

// The file without what drivers, transforms and stores define: those parts are checked against their own schemas.
function stripped(file: Mapping): Mapping {
  const each = (value: unknown, change: (inner: Mapping) => unknown): unknown =>
    isMapping(value)
      ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, isMapping(inner) ? change(inner) : inner]))
      : value
  const only = (value: unknown, ...names: string[]): unknown =>
    isMapping(value) ? Object.fromEntries(Object.entries(value).filter(([name]) => names.includes(name))) : value
  const change = (route: Mapping): Mapping => {
    const dedup = route['dedup']
    const parts: Record<string, unknown> = {
      from: only(route['from'], 'connection'),
      to: only(route['to'], 'connection'),
      deadLetter: only(route['deadLetter'], 'connection', 'window'),
      transform: Array.isArray(route['transform']) ? [] : route['transform'],
      dedup: isMapping(dedup) && isMapping(dedup['store']) ? { ...dedup, store: {} } : dedup,
    }
    return { ...route, ...Object.fromEntries(Object.entries(parts).filter(([name]) => name in route)) }
  }
  return { ...file, connections: each(file['connections'], () => ({})), routes: each(file['routes'], change) }
}

function distinct(issues: readonly Issue[]): Issue[] {
  const seen = new Set<string>()
  return issues.filter(issue => {
    const key = `${issue.path.join('/')} ${issue.within === undefined ? issue.message : issue.within.offset}`
    return !seen.has(key) && seen.add(key)
  })
}

function redacted(problem: Problem, secrets: Secrets): Problem {
  return {
    ...problem,
    message: secrets.redact(problem.message).replace(/\s*\n\s*/g, ' '),
    hint: problem.hint && secrets.redact(problem.hint),
  }
}
