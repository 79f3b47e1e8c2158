import type { Config, EndpointConfig, RouteConfig } from '../config/schema.ts'
import { type Examined, type Finding, failed, ok, warn } from '../core/finding.ts'
import type { Connection, EndpointContext, Log } from '../core/ports.ts'
import type { Registry } from '../core/registry.ts'
import { within } from '../engine/patience.ts'

export interface DoctorOptions {
  readonly config: Config
  readonly registry: Registry
  readonly baseDir: string
  readonly log: Log
  /** Only this route and its connections. */
  readonly route: string | undefined
  /** Longest wait for one answer, in ms. */
  readonly timeoutMs: number
}

/** Findings about one connection, or one end of a route. */
export interface Section {
  readonly route: string | undefined
  /** `connection`, `from`, `to`, `dead letter`, or `route` for what no end alone shows. */
  readonly part: 'connection' | 'from' | 'to' | 'dead letter' | 'route'
  /** Name of the connection, and its driver. */
  readonly connection: string | undefined
  readonly driver: string | undefined
  readonly findings: readonly Finding[]
}

interface Reached {
  readonly connection: Connection | undefined
  readonly section: Section
}

/** Looks at everything a configuration names, and changes nothing. Connections first, then the routes in the order of the file. */
export async function* examine(options: DoctorOptions, signal: AbortSignal): AsyncGenerator<Section> {
  const { config, route: only } = options
  const routes = [...config.routes.values()].filter(({ name, enabled }) =>
    only === undefined ? enabled : name === only,
  )
  const used = new Set(routes.flatMap(({ from, to, deadLetter }) => [from, to, deadLetter].flatMap(connectionOf)))
  const names = only === undefined ? [...config.connections.keys()] : [...used]
  await using stack = new AsyncDisposableStack()
  // All at once: the slowest broker, not the sum, decides how long it takes.
  const reached = new Map(
    await Promise.all(names.map(async name => [name, await reach(name, options, stack, signal)] as const)),
  )
  for (const { section } of reached.values()) yield section
  for (const route of routes) yield* examineRoute(route, reached, options, signal)
}

const connectionOf = (end: RouteConfig['deadLetter']): string[] => (typeof end === 'object' ? [end.connection] : [])

async function reach(
  name: string,
  { config, registry, baseDir, log, timeoutMs }: DoctorOptions,
  stack: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<Reached> {
  const { driver, options } = config.connections.get(name)!
  const section = (finding: Finding): Section => ({
    ...{ route: undefined, part: 'connection', connection: name, driver, findings: [finding] },
  })
  const began = performance.now()
  try {
    const connection = stack.use(registry.drivers.get(driver)!.connect(options, { name, baseDir, log }))
    await within(connection.check(signal), { ms: timeoutMs, signal, what: 'the check of the connection' })
    const took = Math.round(performance.now() - began)
    return { connection, section: section(ok('login', `the broker answers and lets us in (${took} ms)`)) }
  } catch (error) {
    return { connection: undefined, section: section(failed('login', error)) }
  }
}

async function* examineRoute(
  route: RouteConfig,
  reached: ReadonlyMap<string, Reached>,
  options: DoctorOptions,
  signal: AbortSignal,
): AsyncGenerator<Section> {
  const look = async (part: Section['part'], side: 'source' | 'sink', end: EndpointConfig) => {
    const { connection, driver, options: settings } = { ...options.config.connections.get(end.connection)!, ...end }
    const open = reached.get(connection)?.connection
    const { findings, maxBytes } = await examineEnd(open, side, settings, route, options, signal)
    return { section: { route: route.name, part, connection, driver, findings }, maxBytes }
  }
  const from = await look('from', 'source', route.from)
  yield from.section
  const to = await look('to', 'sink', route.to)
  yield to.section
  if (typeof route.deadLetter === 'object') {
    const { section } = await look('dead letter', 'sink', route.deadLetter)
    yield { ...section, findings: [...section.findings, ...readable(route.deadLetter, options)] }
  }
  const findings = [...keeping(route), ...sizes(route, from.maxBytes, to.maxBytes)]
  if (findings.length > 0)
    yield { route: route.name, part: 'route', connection: undefined, driver: undefined, findings }
}

async function examineEnd(
  connection: Connection | undefined,
  side: 'source' | 'sink',
  settings: unknown,
  route: RouteConfig,
  { log, timeoutMs }: DoctorOptions,
  signal: AbortSignal,
): Promise<Examined> {
  const subject = side === 'source' ? 'source' : 'target'
  if (connection === undefined)
    return { findings: [{ level: 'unseen', subject, message: 'not looked at: the connection failed' }] }
  if (connection.examine === undefined)
    return { findings: [{ level: 'unseen', subject, message: 'its driver cannot look without reading or writing' }] }
  const context: EndpointContext = {
    route: route.name,
    inFlight: route.inFlight,
    inFlightBytes: 2 ** 20,
    log,
    status: () => {},
  }
  try {
    const looking = connection.examine(side, settings, context, signal)
    return await within(looking, { ms: timeoutMs, signal, what: 'looking' })
  } catch (error) {
    return { findings: [failed(subject, error)] }
  }
}

// `sluice dlq` reads what was written.
function readable(end: EndpointConfig, { config, registry }: DoctorOptions): readonly Finding[] {
  const driver = registry.drivers.get(config.connections.get(end.connection)!.driver)!
  if (driver.readBack?.(end.options, 'sluice-doctor') !== undefined) return []
  const hint = 'Name a queue, a topic or a stream.'
  return [warn('dead letters', '`sluice dlq` cannot read there what is written', hint)]
}

function keeping({ deadLetter }: RouteConfig): readonly Finding[] {
  if (deadLetter === 'discard')
    return [
      warn('dead letters', 'a message that cannot go on is dropped (deadLetter: discard)', 'Name a place for them.'),
    ]
  if (deadLetter !== undefined) return []
  const hint = 'Name a `deadLetter` target.'
  return [warn('dead letters', 'there is no place for them: a message that cannot go on blocks its key', hint)]
}

function sizes({ deadLetter }: RouteConfig, from: number | undefined, to: number | undefined): readonly Finding[] {
  if (from === undefined || to === undefined || from <= to) return []
  const what = deadLetter === undefined ? 'would block its key' : 'becomes a dead letter (TOO_LARGE)'
  return [
    warn(
      'size',
      `the source may hold messages of ${from} bytes, and the target takes ${to}: a larger one ${what}`,
      'Raise the limit of the target, or keep such messages away.',
    ),
  ]
}
