import { digest } from '../config/plan.ts'
import type { ConnectionConfig } from '../config/schema.ts'
import { SluiceError } from '../core/errors.ts'
import type { Connection, Driver, Log } from '../core/ports.ts'
import type { Registry } from '../core/registry.ts'

/** A connection in use; disposing of it gives it back. */
export interface Lease extends AsyncDisposable {
  readonly connection: Connection
}

interface Entry {
  readonly driver: Driver
  /** Of its options. */
  readonly digest: string
  readonly connection: Connection
  users: number
}

/**
 * Open connections by name, of several configurations at once: during a reload, and after one that left routes alone, old
 * and new ones of the same name stand side by side.
 */
export class ConnectionPool {
  readonly #open = new Map<string, Entry[]>()

  /** How many users each open connection has. */
  get users(): ReadonlyMap<string, number> {
    return new Map([...this.#open].map(([name, entries]) => [name, entries.reduce((sum, each) => sum + each.users, 0)]))
  }

  /** The open one of this driver with equal options, else a new one. Does no I/O. */
  lease(driver: Driver, { name, options }: ConnectionConfig, context: { baseDir: string; log: Log }): Lease {
    const identity = digest(options)
    const entries = this.#open.get(name) ?? []
    let entry = entries.find(each => each.driver === driver && each.digest === identity)
    if (entry === undefined) {
      entry = { driver, digest: identity, connection: driver.connect(options, { name, ...context }), users: 0 }
      this.#open.set(name, [...entries, entry])
    }
    const used = entry
    used.users++
    let given = false
    return {
      connection: used.connection,
      [Symbol.asyncDispose]: async () => {
        if (given) return
        given = true
        used.users--
        if (used.users > 0) return
        const left = this.#open.get(name)!.filter(each => each !== used)
        if (left.length > 0) this.#open.set(name, left)
        else this.#open.delete(name)
        await used.connection[Symbol.asyncDispose]()
      },
    }
  }
}

/** The connections of one configuration, shared by routes: opened for the first user, closed after the last. */
export class Connections {
  readonly #configs: ReadonlyMap<string, ConnectionConfig>
  readonly #registry: Registry
  readonly #baseDir: string
  readonly #log: Log
  readonly #pool: ConnectionPool

  constructor(
    configs: ReadonlyMap<string, ConnectionConfig>,
    registry: Registry,
    baseDir: string,
    log: Log,
    pool = new ConnectionPool(),
  ) {
    this.#configs = configs
    this.#registry = registry
    this.#baseDir = baseDir
    this.#log = log
    this.#pool = pool
  }

  /** Name of the driver behind a connection. Throws CONFIG_INVALID. */
  driverOf(name: string): string {
    const config = this.#configs.get(name)
    if (config === undefined) throw new SluiceError('CONFIG_INVALID', `there is no connection "${name}"`)
    return config.driver
  }

  /** Throws CONFIG_INVALID for a name that is not configured. Does no I/O. */
  use(name: string): Lease {
    const config = this.#configs.get(name)
    const driver = config === undefined ? undefined : this.#registry.drivers.get(config.driver)
    if (config === undefined || driver === undefined)
      throw new SluiceError('CONFIG_INVALID', `there is no connection "${name}"`)
    return this.#pool.lease(driver, config, { baseDir: this.#baseDir, log: this.#log })
  }
}
