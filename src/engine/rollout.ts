import { type Change, digest } from '../config/plan.ts'
import type { RouteConfig } from '../config/schema.ts'
import { asSluiceError, SluiceError } from '../core/errors.ts'
import type { Log } from '../core/ports.ts'
import { closeQuietly, owned } from './patience.ts'
import { rehearse } from './rehearsal.ts'
import { Route } from './route.ts'
import type { RouteDeps } from './route-deps.ts'
import type { Stores } from './stores.ts'
import type { Successor } from './swap.ts'
import type { Telemetry } from './telemetry.ts'

export interface RolloutOptions {
  readonly changes: readonly Change[]
  /** Those that run; changed in place. */
  readonly routes: Map<string, Route>
  /** Of the configuration that is applied. */
  readonly configOf: (name: string) => RouteConfig
  readonly depsOf: (route: RouteConfig) => RouteDeps
  readonly stores: Stores
  readonly telemetry: Telemetry
  /** How long what is in flight on a route that changes may take to finish, in ms. */
  readonly drainMs: number
  /** The gateway stops. */
  readonly signal: AbortSignal
  readonly log: Log
}

/** Longest time for one route to be built, in ms: transforms are somebody else's code. */
const BUILDING = 30_000

/**
 * Brings the routes from one configuration to another, in two acts. Whatever can fail happens in the first, beside the routes
 * that run (Invariant 7); the second only waits. Routes that the plan does not name are not touched.
 */
export class Rollout {
  readonly #options: RolloutOptions
  readonly #successors = new Map<string, Successor<RouteDeps>>()

  constructor(options: RolloutOptions) {
    this.#options = options
  }

  /** Throws a SluiceError when one of the routes cannot be built; nothing has changed then, and nothing is left open. */
  async build(): Promise<void> {
    const { changes, routes, configOf, depsOf } = this.#options
    try {
      for (const { kind, route: name } of changes) {
        if (kind === 'stop') continue
        const config = configOf(name)
        const deps = depsOf(config)
        if (kind !== 'swap') await this.#patiently(name, rehearse(config, deps))
        else this.#successors.set(name, await this.#patiently(name, routes.get(name)!.build(config, deps)))
      }
    } catch (error) {
      await this.#abandon()
      throw error
    }
  }

  /** Resolves when every change is done. Never rejects: a broker that is away holds its route, as at a start. */
  async apply(): Promise<void> {
    const { changes, signal } = this.#options
    const of = (kind: Change['kind']) => changes.filter(change => change.kind === kind).map(change => change.route)
    const replace = async () => {
      // All that leave first: what they read from may be taken over by another route, whatever its name.
      const [restarting] = await Promise.all([
        Promise.all(of('restart').map(name => this.#leave(name))),
        Promise.all(of('stop').map(name => this.#remove(name))),
      ])
      for (const start of restarting) await start()
      for (const name of of('start')) if (!signal.aborted) this.#start(name)
    }
    await Promise.all([replace(), ...of('swap').map(name => this.#swap(name))])
    await this.#abandon()
  }

  async #swap(name: string): Promise<void> {
    const { routes, drainMs, signal } = this.#options
    const successor = this.#successors.get(name)!
    if (await routes.get(name)!.swap(successor, drainMs)) {
      this.#successors.delete(name)
      return
    }
    // It has no line yet, or has stopped by itself: there is nothing to take over.
    if (signal.aborted) return
    const start = await this.#leave(name)
    await start()
  }

  async #remove(name: string): Promise<void> {
    const { routes, drainMs, telemetry } = this.#options
    await routes.get(name)!.stop(drainMs)
    routes.delete(name)
    await telemetry.forget(name)
  }

  // Stops the route, and answers with what starts the next of its name. Invariant 5: what the former remembered goes on to be
  // remembered. What it claimed and did not settle is in doubt; opening the store anew finds that out.
  async #leave(name: string): Promise<() => Promise<void>> {
    const { routes, stores, configOf, drainMs, signal, log } = this.#options
    const route = routes.get(name)!
    const same = digest(rememberedBy(route.config)) === digest(rememberedBy(configOf(name)))
    const kept = stores.hold(name)
    const keep = (await route.stop(drainMs)) && same && !signal.aborted
    if (!keep) await closeQuietly(kept, `a store of route ${name}`, log)
    return async () => {
      if (!signal.aborted) this.#start(name, keep ? kept : undefined)
      else await closeQuietly(kept, `a store of route ${name}`, log)
    }
  }

  #start(name: string, kept?: AsyncDisposable): void {
    const { routes, configOf, depsOf } = this.#options
    const config = configOf(name)
    const route = new Route(config, { ...depsOf(config), kept })
    routes.set(name, route)
    route.start()
  }

  async #patiently<T>(name: string, building: Promise<T>): Promise<T> {
    const { signal } = this.#options
    try {
      return await owned(building, { ms: BUILDING, signal, what: 'building' }, built => this.#discard(name, built))
    } catch (error) {
      if (signal.aborted) throw new SluiceError('ABORTED', 'the gateway stops')
      const { code, message, hint } = asSluiceError(error, 'OPTIONS_INVALID')
      throw new SluiceError(code, `route ${name} cannot be built: ${message}`, { cause: error, hint })
    }
  }

  async #abandon(): Promise<void> {
    for (const [name, successor] of this.#successors) await this.#discard(name, successor)
    this.#successors.clear()
  }

  async #discard(name: string, built: unknown): Promise<void> {
    const line = (built as Successor<RouteDeps> | undefined)?.line
    await closeQuietly(line, `a line of route ${name}`, this.#options.log)
  }
}

const rememberedBy = ({ dedup, transform }: RouteConfig) => [dedup, transform.filter(step => step.gathers)]
