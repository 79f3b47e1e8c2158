import { createHash } from 'node:crypto'
import { formatPath, type Path } from './problem.ts'
import type { Config, FileDigest, RouteConfig } from './schema.ts'

/**
 * What applying a configuration does to one route. `swap`: what lies behind the source changes, the source stays open and
 * nothing is given back. `restart`: the route is drained, and its source is closed and opened anew.
 */
export interface Change {
  readonly kind: 'start' | 'stop' | 'swap' | 'restart'
  readonly route: string
  /**
   * What changed, as paths in the file, and names of other files that it depends on; never values, which may be secret.
   * Empty for `start` and `stop`.
   */
  readonly paths: readonly string[]
}

export interface Plan {
  /** In the order in which they are applied: stops first, so that a renamed route can take over its queue. */
  readonly changes: readonly Change[]
  /** Changed options of the process, which only a restart applies, e.g. `admin.port`. */
  readonly process: readonly string[]
  /** Identifies the pair of configurations: the plan that was shown is the plan that is applied. */
  readonly hash: string
}

/** What would have to happen to get from one configuration to another; `undefined` = nothing runs yet. Pure. */
export function plan(from: Config | undefined, to: Config): Plan {
  const before = running(from)
  const after = running(to)
  const stops: Change[] = []
  const others: Change[] = []
  for (const name of before.keys()) if (!after.has(name)) stops.push({ kind: 'stop', route: name, paths: [] })
  for (const [name, route] of after) {
    const old = before.get(name)
    if (old === undefined || from === undefined) others.push({ kind: 'start', route: name, paths: [] })
    else others.push(...changed(name, old, route, from, to))
  }
  return {
    changes: [...stops, ...others],
    process: from === undefined ? [] : differences(processOptions(from), processOptions(to), []),
    hash: digest([from === undefined ? null : configHash(from), configHash(to)]),
  }
}

/** The same for equal configurations, whatever the order of keys in the file. 16 hexadecimal digits. */
export function configHash(config: Config): string {
  return digest({
    ...config,
    connections: Object.fromEntries(config.connections),
    routes: Object.fromEntries(config.routes),
  })
}

const running = (config: Config | undefined): Map<string, RouteConfig> =>
  new Map([...(config?.routes ?? [])].filter(([, route]) => route.enabled))

/** The options that belong to the process: it keeps those it was started with. */
export const processOptions = ({ admin, memory, log, shutdown, reload }: Config) => ({
  admin,
  memory,
  log,
  shutdown,
  reload,
})

// Options that decide how the source is opened or how its messages are told apart; anything else is swapped in place.
const RESTARTING: ReadonlySet<string> = new Set(['from', 'inFlight', 'order', 'delivery', 'dedup', 'decode'])

function changed(name: string, old: RouteConfig, route: RouteConfig, from: Config, to: Config): Change[] {
  const base: Path = ['routes', name]
  const { files: before = [], ...was } = old
  const { files: after = [], ...is } = route
  const paths = differences(was, is, base)
  const options = new Set([...Object.keys(was), ...Object.keys(is)]) as Set<keyof typeof is>
  let restart = [...options].some(
    option => RESTARTING.has(option) && differences(was[option], is[option], []).length > 0,
  )
  for (const file of changedFiles(before, after)) {
    if (file.of === 'source') restart = true
    paths.push(file.path)
  }
  for (const connection of connectionsOf(route)) {
    const moved = differences(from.connections.get(connection), to.connections.get(connection), [
      'connections',
      connection,
    ])
    if (moved.length > 0 && connection === route.from.connection) restart = true
    paths.push(...moved)
  }
  if (paths.length === 0) return []
  if (!swaps(old) || !swaps(route)) restart = true
  return [{ kind: restart ? 'restart' : 'swap', route: name, paths: [...new Set(paths)] }]
}

// What is under way can go from one line to another, unless something else knows about it, too: the transactions that source
// and target share, a dedup store, requesters that wait for an answer, a window that holds it.
const swaps = ({ delivery, dedup, reply, transform }: RouteConfig): boolean =>
  delivery !== 'exactly-once' && dedup === undefined && reply === undefined && !transform.some(step => step.gathers)

function changedFiles(before: readonly FileDigest[], after: readonly FileDigest[]): FileDigest[] {
  const unlike = (others: readonly FileDigest[]) => (one: FileDigest) =>
    !others.some(({ path, digest, of }) => path === one.path && digest === one.digest && of === one.of)
  return [...before.filter(unlike(after)), ...after.filter(unlike(before))]
}

function connectionsOf({ from, to, deadLetter }: RouteConfig): Set<string> {
  return new Set([from.connection, to.connection, ...(typeof deadLetter === 'object' ? [deadLetter.connection] : [])])
}

/** The paths at which two trees differ, as deep as they can be told. `options` is not a key of the file. */
function differences(a: unknown, b: unknown, path: Path): string[] {
  if (Object.is(a, b)) return []
  const bothMaps = isTree(a) && isTree(b) && Array.isArray(a) === Array.isArray(b)
  if (!bothMaps) return [formatPath(path)]
  const keys = new Set([...Object.keys(a), ...Object.keys(b)])
  return [...keys].flatMap(key => {
    const next = key === 'options' ? path : [...path, Array.isArray(a) ? Number(key) : key]
    return differences(a[key], b[key], next)
  })
}

const isTree = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/** 16 hexadecimal digits that stand for a tree, whatever the order of its keys. */
export function digest(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('hex').slice(0, 16)
}

// JSON with sorted keys; undefined is the same as absent. The order of routes in the file does not change what runs.
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (!isTree(value)) return JSON.stringify(value) ?? 'null'
  const entries = Object.keys(value)
    .filter(key => value[key] !== undefined)
    .toSorted()
    .map(key => `${JSON.stringify(key)}:${canonical(value[key])}`)
  return `{${entries.join(',')}}`
}
