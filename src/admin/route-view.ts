import type { Config, EndpointConfig, RouteConfig } from '../config/schema.ts'
import { featuresOf } from '../core/features.ts'
import type { Gateway } from '../engine/gateway.ts'
import { Refusal } from './refusal.ts'
import type { EndView, RouteDetails, RouteView } from './route-schema.ts'
import type { Sampler } from './sampler.ts'

/** The routes of a gateway as the API shows them. */
export class RouteViews {
  readonly #gateway: Gateway
  readonly #sampler: Sampler

  constructor(gateway: Gateway, sampler: Sampler) {
    this.#gateway = gateway
    this.#sampler = sampler
  }

  /** In the order of the file, disabled ones included. */
  list(): RouteView[] {
    return [...this.#config.routes.values()].map(route => this.#view(route))
  }

  /** Throws NOT_FOUND. */
  show(name: string): RouteDetails {
    const config = this.config(name)
    const route = this.#gateway.route(name)
    const { metrics, errors } = route?.details ?? {}
    const requests = route?.status.requests
    return {
      ...this.#view(config),
      counts: { ...metrics?.counts },
      ...(requests && { requests: { ...requests } }),
      errors: (errors ?? []).map(error => ({ ...error })),
    }
  }

  /** Throws NOT_FOUND. */
  config(name: string): RouteConfig {
    const config = this.#config.routes.get(name)
    if (config === undefined) throw new Refusal('NOT_FOUND', `there is no route "${name}"`)
    return config
  }

  get #config(): Config {
    return this.#gateway.running.config
  }

  #view(config: RouteConfig): RouteView {
    const { name, deadLetter } = config
    const route = this.#gateway.route(name)
    const status = route?.status
    const { received, settled, deadLettered, p50Ms, p99Ms } = this.#sampler.current(name)
    return {
      name,
      state: status?.state ?? 'disabled',
      conditions: (status?.conditions ?? []).map(condition => ({ ...condition })),
      from: this.#end(config.from),
      to: this.#end(config.to),
      deadLetter: typeof deadLetter === 'object' ? this.#end(deadLetter) : (deadLetter ?? null),
      transforms: config.transform.map(step => step.name),
      received: status?.received ?? 0,
      settled: status?.settled ?? 0,
      deadLettered: route?.details.metrics.deadLettered ?? 0,
      rates: { received: tenths(received), settled: tenths(settled), deadLettered: tenths(deadLettered) },
      latency: { p50Ms: p50Ms === undefined ? null : tenths(p50Ms), p99Ms: p99Ms === undefined ? null : tenths(p99Ms) },
      lag: status?.lag ?? null,
      lagOf: this.#lagOf(config.from),
      inFlight: status?.inFlight ?? 0,
      inFlightLimit: config.inFlight,
      heldLanes: status?.heldLanes ?? 0,
      oldestMs: status?.oldestMs ?? null,
    }
  }

  #end({ connection, options }: EndpointConfig): EndView {
    return { connection, driver: this.#driverOf(connection), address: addressOf(options) }
  }

  #lagOf({ connection, options }: EndpointConfig): RouteView['lagOf'] {
    const driver = this.#gateway.running.registry.drivers.get(this.#driverOf(connection))
    return driver !== undefined && featuresOf(driver, 'source', options).ownLag === true ? 'gateway' : 'group'
  }

  #driverOf(connection: string): string {
    return this.#config.connections.get(connection)?.driver ?? ''
  }
}

const tenths = (value: number): number => Math.max(0, Math.round(value * 10) / 10)

// The options that name a place, in the words of the brokers, the most telling first.
const PLACES = ['queue', 'topic', 'topics', 'subject', 'subjects', 'address', 'stream', 'exchange', 'routingKey']

/** The place an end reads or writes, in words, e.g. `queue orders`. */
export function addressOf(options: Readonly<Record<string, unknown>>): string {
  for (const place of PLACES) {
    const value = options[place]
    if (value === undefined) continue
    const names = (Array.isArray(value) ? value : [value]).map(each =>
      typeof each === 'object' && each !== null && 'name' in each ? each.name : each,
    )
    return `${place} ${names.join(', ')}`
  }
  return ''
}
