import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type Change, plan } from '../../src/config/plan.ts'
import type { Config, ConnectionConfig, RouteConfig } from '../../src/config/schema.ts'
import { Headers } from '../../src/core/headers.ts'
import { Message, type MessageFields } from '../../src/core/message.ts'
import type { Driver, Log, Plugin } from '../../src/core/ports.ts'
import { Registry } from '../../src/core/registry.ts'
import { createMemoryDriver, type MemoryDriver } from '../../src/drivers/memory/driver.ts'
import { MemoryHub } from '../../src/drivers/memory/hub.ts'
import type { Mode } from '../../src/drivers/memory/place.ts'
import { store } from '../../src/drivers/memory/stored.ts'
import type { BoxOptions } from '../../src/engine/dead-letter-box.ts'
import { Gateway, type GatewayOptions } from '../../src/engine/gateway.ts'
import type { Tracing } from '../../src/engine/tracing.ts'
import { builtinStores } from '../../src/stores/builtin.ts'
import { builtinTransforms } from '../../src/transforms/builtin.ts'

/** A log that keeps its warnings and errors. */
export class Notes implements Log {
  readonly lines: string[] = []
  debug(): void {}
  info(_fields: object, message: string): void {
    this.lines.push(message)
  }
  warn(_fields: object, message: string): void {
    this.lines.push(message)
  }
  error(_fields: object, message: string): void {
    this.lines.push(message)
  }
}

type Changes = Partial<Omit<RouteConfig, 'retry'>> & {
  readonly retry?: { readonly attempts: number; readonly max?: string }
}

/** A route from queue `in` to address `out`, dead letters in `dead`, fast retries; `changes` replace parts of it. */
export function route(changes: Changes = {}): RouteConfig {
  const { retry = { attempts: 4 }, ...rest } = changes
  return {
    name: 'orders',
    enabled: true,
    from: { connection: 'here', options: { address: 'in', create: false } },
    transform: [],
    to: { connection: 'there', options: { address: 'out' } },
    order: undefined as unknown as RouteConfig['order'],
    deadLetter: { connection: 'there', options: { address: 'dead' } },
    inFlight: 200,
    decode: 'json',
    batch: { size: 50, bytes: '1MiB', linger: '1ms', concurrency: 4 },
    slow: '0',
    ...rest,
    retry: { attempts: retry.attempts, backoff: { initial: '1ms', max: retry.max ?? '20ms', factor: 2, jitter: 0.2 } },
  }
}

export interface LabOptions {
  readonly seed?: number
  readonly from?: Mode
  readonly to?: Mode
  readonly orderedBatch?: boolean
  readonly plugins?: readonly Plugin[]
  readonly memory?: string
  readonly tracing?: Tracing
  /** Where stores keep their files. */
  readonly baseDir?: string
  /** How long a drain that an operator asks for may take. Default `5s`. */
  readonly drain?: string
  /** Beside the lab's own. */
  readonly connections?: readonly ConnectionConfig[]
}

/** A gateway that runs. */
export interface Started {
  readonly gateway: Gateway
  kill(): Promise<void>
  /** Applies other routes, with further connections, and with a plug-in instead of the one of that name; says what was done. */
  reload(
    routes: readonly RouteConfig[],
    more?: { readonly connections?: readonly ConnectionConfig[]; readonly plugin?: Plugin },
  ): Promise<readonly Change[]>
}

/** Memory brokers that outlive the gateways run between them: `here` (sources), `there` and `elsewhere` (targets). */
export class Lab {
  readonly hub: MemoryHub
  readonly log = new Notes()
  readonly #options: LabOptions
  readonly #drivers = new Map<Driver, Driver>()
  #sent = 0

  constructor(options: LabOptions = {}) {
    this.#options = options
    this.hub = new MemoryHub({ seed: options.seed ?? 1, record: true })
    this.here.create('in', { mode: options.from ?? 'queue', ...(options.from === 'log' ? { partitions: 3 } : {}) })
    for (const address of ['out', 'dead']) this.there.create(address, { mode: options.to ?? 'queue' })
  }

  get here() {
    return this.hub.broker('here')
  }

  get there() {
    return this.hub.broker('there')
  }

  /** Another target, for dead letters. */
  get elsewhere() {
    return this.hub.broker('elsewhere')
  }

  /** Puts a message into the source. */
  send({ body, ...fields }: Partial<MessageFields> & { readonly body?: unknown } = {}): string {
    const id = fields.id ?? `m${this.#sent}`
    this.#sent++
    const message = new Message({
      key: null,
      subject: 'in',
      headers: Headers.EMPTY,
      bytes: Buffer.from(JSON.stringify(body ?? { n: this.#sent })),
      timestamp: Date.now(),
      properties: { messageId: id },
      source: { connection: '', address: '', sequence: '', position: '', attempt: 1 },
      ...fields,
      id,
    })
    this.here.place('in').append(store(message))
    return id
  }

  /** A gateway over the brokers, started. `kill` is SIGKILL: nothing of it reaches a broker any more. */
  start(routes: readonly RouteConfig[]): Started {
    const { sources, sinks, ...options } = this.#assemble(routes)
    const gateway = new Gateway(options)
    gateway.start()
    const kill = async () => {
      sources.kill()
      sinks.kill()
      await gateway.stop(0)
    }
    const reload: Started['reload'] = async (next, { connections = [], plugin } = {}) => {
      const registry = plugin === undefined ? options.registry : this.#registry(sources, sinks).add(plugin)
      const config = this.#config(next, sources, sinks, connections)
      const { changes, ...rest } = plan(gateway.running.config, config)
      await gateway.apply(config, registry, { changes, ...rest })
      return changes
    }
    return { gateway, kill, reload }
  }

  /** What a dead-letter box over the same brokers is opened with. */
  box(config: RouteConfig): BoxOptions {
    return { ...this.#assemble([config]), route: config.name }
  }

  #assemble(routes: readonly RouteConfig[]): GatewayOptions & { sources: MemoryDriver; sinks: MemoryDriver } {
    const sources = this.#driver(this.#options.from ?? 'queue')
    const sinks = this.#driver(this.#options.to ?? 'queue', this.#options.orderedBatch)
    const config = this.#config(routes, sources, sinks)
    const registry = this.#registry(sources, sinks)
    const { baseDir = process.cwd(), tracing } = this.#options
    return { config, registry, log: this.log, baseDir, tracing, sources, sinks }
  }

  #registry(sources: MemoryDriver, sinks: MemoryDriver): Registry {
    const registry = new Registry()
    const drivers: Driver[] = [this.#named(sources, 'from'), this.#named(sinks, 'to')]
    registry.add({ name: 'lab', drivers }).add(builtinTransforms).add(builtinStores)
    for (const plugin of this.#options.plugins ?? []) registry.add(plugin)
    return registry
  }

  #config(
    routes: readonly RouteConfig[],
    sources: MemoryDriver,
    sinks: MemoryDriver,
    more: readonly ConnectionConfig[] = [],
  ): Config {
    return {
      connections: new Map<string, ConnectionConfig>([
        ['here', { name: 'here', driver: 'from', options: { url: `${sources.schemes[0]}://here` } }],
        ['there', { name: 'there', driver: 'to', options: { url: `${sinks.schemes[0]}://there` } }],
        ['elsewhere', { name: 'elsewhere', driver: 'to', options: { url: `${sinks.schemes[0]}://elsewhere` } }],
        ...[...(this.#options.connections ?? []), ...more].map(each => [each.name, each] as const),
      ]),
      routes: new Map(routes.map(each => [each.name, each])),
      plugins: undefined,
      admin: false,
      memory: this.#options.memory ?? '64MiB',
      slow: '0',
      shutdown: { drain: this.#options.drain ?? '5s' },
      reload: { watch: false },
      log: { level: 'info', format: 'text' },
    }
  }

  // The same object for the same driver: as with real ones, its connections outlive the registry.
  #named(driver: Driver, name: string): Driver {
    let named = this.#drivers.get(driver)
    if (named === undefined)
      this.#drivers.set(driver, (named = { ...driver, name, connect: driver.connect.bind(driver) }))
    return named
  }

  #driver(mode: Mode, orderedBatch = true): MemoryDriver {
    return createMemoryDriver({ hub: this.hub, mode, orderedBatch })
  }

  /** Ids in the order in which they were first stored at `address`, copies left out. */
  firsts(address = 'out'): readonly string[] {
    return [...new Set(this.stored(address))]
  }

  stored(address = 'out'): readonly string[] {
    return (this.there.ledger?.published(address) ?? []).map(each => each.id)
  }
}

/** Resolves when `condition` holds; throws with `what` after `ms`. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, ms = 60_000): Promise<void> {
  const end = performance.now() + ms
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`timed out after ${ms} ms waiting until ${what}`)
    await new Promise(resolve => setTimeout(resolve, 2))
  }
}

/** Frees what nothing holds, for tests of what is let go. */
export async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  await new Promise(resolve => setImmediate(resolve))
  gc()
}
