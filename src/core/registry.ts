import { SluiceError } from './errors.ts'
import type { GatherFactory } from './gather.ts'
import type { Driver, Plugin, StoreFactory, TransformFactory } from './ports.ts'

/** Everything that can be named in routes.yaml. Filled by the composition root, read by all below it; no I/O. */
export class Registry {
  readonly drivers = new Map<string, Driver>()
  readonly transforms = new Map<string, TransformFactory>()
  readonly gathers = new Map<string, GatherFactory>()
  readonly stores = new Map<string, StoreFactory>()

  /** Adds what a plug-in brings. Throws PLUGIN_INVALID when a name is taken. */
  add(plugin: Plugin): this {
    for (const driver of plugin.drivers ?? [])
      put(this.drivers, driver.name, driver, `driver of plug-in ${plugin.name}`)
    for (const transform of plugin.transforms ?? [])
      put(this.transforms, transform.name, transform, `transform of plug-in ${plugin.name}`, this.gathers)
    for (const gather of plugin.gathers ?? [])
      put(this.gathers, gather.name, gather, `step of plug-in ${plugin.name}`, this.transforms)
    for (const store of plugin.stores ?? []) put(this.stores, store.name, store, `store of plug-in ${plugin.name}`)
    return this
  }

  /** Everything that may be a key in a `transform:` list, by name. */
  get steps(): ReadonlyMap<string, TransformFactory | GatherFactory> {
    const all: [string, TransformFactory | GatherFactory][] = [...this.transforms, ...this.gathers]
    return new Map(all.toSorted(([a], [b]) => a.localeCompare(b)))
  }

  /** The driver that answers to a URL scheme (without the colon), or undefined. */
  driverFor(scheme: string): Driver | undefined {
    for (const driver of this.drivers.values()) if (driver.schemes.includes(scheme)) return driver
    return undefined
  }
}

function put<T>(
  map: Map<string, T>,
  name: string,
  value: T,
  what: string,
  beside?: ReadonlyMap<string, unknown>,
): void {
  if (map.has(name) || beside?.has(name) === true)
    throw new SluiceError('PLUGIN_INVALID', `${what}: the name "${name}" is already taken`)
  map.set(name, value)
}
