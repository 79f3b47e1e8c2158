import { createHash } from 'node:crypto'
import { type Change, type Plan, processOptions } from '../config/plan.ts'
import type { Config, RouteConfig } from '../config/schema.ts'
import { SluiceError } from '../core/errors.ts'
import type { Log } from '../core/ports.ts'
import type { Registry } from '../core/registry.ts'
import { bytes, milliseconds } from '../core/schema.ts'
import { Budget } from './budget.ts'
import { ConnectionPool, Connections } from './connections.ts'
import { Rollout } from './rollout.ts'
import { Route } from './route.ts'
import type { RouteDeps } from './route-deps.ts'
import type { RouteStatus } from './route-status.ts'
import { Stores } from './stores.ts'
import { Telemetry } from './telemetry.ts'
import type { Tracing } from './tracing.ts'

export interface GatewayOptions {
  readonly config: Config
  readonly registry: Registry
  readonly log: Log
  /** Folder of the configuration file. */
  readonly baseDir: string
  /** Absent: nothing is traced. */
  readonly tracing?: Tracing | undefined
}

/** All routes of one configuration in one process. The configuration may be replaced while they run. */
export class Gateway {
  readonly telemetry = new Telemetry()
  readonly #options: GatewayOptions
  #running: GatewayOptions
  readonly #budget: Budget
  readonly #pool = new ConnectionPool()
  readonly #stores = new Stores()
  /** By name, in the order of the configuration. One map for ever: what hangs on to a former rollout holds no former routes. */
  readonly #routes: Map<string, Route>
  readonly #stopping = new AbortController()
  #applying: Promise<void> = Promise.resolve()
  /** Those who change routes, one after the other. */
  #turn: Promise<unknown> = Promise.resolve()

  /** Does no I/O and starts nothing. */
  constructor(options: GatewayOptions) {
    this.#options = options
    this.#running = options
    this.#budget = new Budget(bytes(options.config.memory))
    const depsOf = this.#deps(options.config, options.registry)
    const routes = [...options.config.routes.values()].filter(route => route.enabled)
    this.#routes = new Map(routes.map(route => [route.name, new Route(route, depsOf(route))]))
  }

  /** What routes of a configuration are made with. */
  #deps(config: Config, registry: Registry): (route: RouteConfig) => RouteDeps {
    const { baseDir, log, tracing } = this.#options
    const routes = [...config.routes.values()].filter(route => route.enabled).length
    const common = {
      registry,
      connections: new Connections(config.connections, registry, baseDir, log, this.#pool),
      stores: this.#stores,
      budget: this.#budget,
      telemetry: this.telemetry,
      inFlightBytes: Math.max(1, Math.floor(this.#budget.limit / Math.max(1, routes))),
      baseDir,
      log,
      tracing,
    }
    return route => ({ ...common, mark: routeMark(route, config) })
  }

  get status(): readonly RouteStatus[] {
    return [...this.#routes.values()].map(route => route.status)
  }

  /** What was applied last. The options of the process are those it was started with. */
  get running(): GatewayOptions {
    return this.#running
  }

  /** A route that is enabled, by its name. */
  route(name: string): Route | undefined {
    return this.#routes.get(name)
  }

  /** How many users each open connection has. */
  get openConnections(): ReadonlyMap<string, number> {
    return this.#pool.users
  }

  /** Starts every route and returns at once: a broker that is away holds its routes, the others run. */
  start(): void {
    for (const route of this.#routes.values()) route.start()
  }

  /**
   * Does what a plan for this configuration says; resolves when it is done. Routes that the plan does not name go on as if
   * nothing happened. Throws a SluiceError when a route cannot be built, and then nothing has changed. Options of the process
   * stay as they are. One at a time: others wait for their turn.
   */
  apply(config: Config, registry: Registry, { changes }: Pick<Plan, 'changes'>): Promise<void> {
    const next = this.#turn.then(() => this.#apply(config, registry, changes))
    this.#turn = next.catch(() => {})
    return next
  }

  /** Drains a route within `shutdown.drain`, closes everything of it and starts it anew. Throws as `apply` does. */
  async restart(name: string): Promise<void> {
    const { config, registry } = this.#running
    if (!this.#routes.has(name)) return
    await this.apply(config, registry, { changes: [{ kind: 'restart', route: name, paths: [] }] })
  }

  async #apply(config: Config, registry: Registry, changes: readonly Change[]): Promise<void> {
    const { signal } = this.#stopping
    const rollout = new Rollout({
      changes,
      routes: this.#routes,
      configOf: name => config.routes.get(name)!,
      depsOf: this.#deps(config, registry),
      stores: this.#stores,
      telemetry: this.telemetry,
      drainMs: milliseconds(this.#options.config.shutdown.drain),
      signal,
      log: this.#options.log,
    })
    await rollout.build()
    if (signal.aborted) throw new SluiceError('ABORTED', 'the gateway stops')
    this.#applying = rollout.apply()
    await this.#applying
    if (signal.aborted) throw new SluiceError('ABORTED', 'the gateway stops')
    for (const name of config.routes.keys()) {
      const route = this.#routes.get(name)
      if (route === undefined) continue
      this.#routes.delete(name)
      this.#routes.set(name, route)
    }
    this.#running = { ...this.#options, config: { ...config, ...processOptions(this.#running.config) }, registry }
  }

  /** Stops receiving, drains up to `deadlineMs`, commits, closes in reverse order of opening. Never throws. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopping.abort()
    await Promise.all([this.#applying, ...[...this.#routes.values()].map(route => route.stop(deadlineMs))])
  }

  /** Every route makes progress, or says why not. */
  live(): { ok: boolean; stuck: readonly string[] } {
    const stuck = [...this.#routes.values()].filter(route => !route.live).map(route => route.config.name)
    return { ok: stuck.length === 0, stuck }
  }

  /** Every route takes messages, or was paused by an operator. */
  ready(): { ok: boolean; routes: readonly RouteStatus[] } {
    const routes = this.status
    return { ok: routes.every(route => route.state === 'running' || route.state === 'paused'), routes }
  }

  metrics(): Promise<string> {
    return this.telemetry.metrics()
  }
}

/** Identifies a route in `sluice-hops` wherever it runs: its name, and a fingerprint of its ends (never their secrets). */
export function routeMark(route: RouteConfig, config: Config): string {
  const ends = [route.from, route.to].map(end => {
    const url = config.connections.get(end.connection)?.options.url
    return [typeof url === 'string' ? url.replace(/\/\/[^@/]*@/, '//') : end.connection, end.options]
  })
  return `${route.name}@${createHash('sha256').update(JSON.stringify(ends)).digest('hex').slice(0, 8)}`
}
