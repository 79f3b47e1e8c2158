import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { relative, sep } from 'node:path'
import type { Config, FileDigest, RouteConfig } from '../config/schema.ts'
import { isMapping } from '../config/scope.ts'
import type { Registry } from '../core/registry.ts'
import type { PluginModules } from './plugin-modules.ts'

/** Where files are looked for and what was loaded from them. */
export interface Surroundings {
  readonly registry: Registry
  readonly modules: PluginModules
  /** Folder of the configuration. */
  readonly baseDir: string
}

/** The configuration with, at each route, the plug-ins and files that it depends on: a change to them is one to the route. */
export function withDependencies(config: Config, surroundings: Surroundings): Config {
  const routes = [...config.routes].map(([name, route]): [string, RouteConfig] => {
    const files = dependencies(route, config, surroundings)
    return [name, files.length === 0 ? route : { ...route, files }]
  })
  return { ...config, routes: new Map(routes) }
}

function dependencies(route: RouteConfig, config: Config, { registry, modules, baseDir }: Surroundings): FileDigest[] {
  const found = new Map<string, FileDigest>()
  const add = (of: FileDigest['of'], file: string, digest: string) => {
    const inside = relative(baseDir, file)
    const path = inside.startsWith('..') ? file : inside.split(sep).join('/')
    found.set(`${of} ${path}`, { path, digest, of })
  }
  const plugin = (of: FileDigest['of'], part: object | undefined) => {
    const module = modules.originOf(part)
    if (module !== undefined) add(of, module.file, module.digest)
  }
  const driver = (connection: string) => registry.drivers.get(config.connections.get(connection)?.driver ?? '')
  const { from, to, deadLetter, dedup, transform } = route
  plugin('source', driver(from.connection))
  plugin('line', driver(to.connection))
  if (typeof deadLetter === 'object') plugin('line', driver(deadLetter.connection))
  if (dedup !== undefined) plugin('source', registry.stores.get(dedup.store))
  for (const { name, options } of transform) {
    const step = registry.steps.get(name)!
    plugin('line', step)
    if (isMapping(options) && isMapping(options['store']))
      plugin('source', registry.stores.get(String(options['store']['name'])))
    if ('files' in step) for (const file of step.files?.(options, { baseDir }) ?? []) add('line', file, digestOf(file))
  }
  return [...found.values()]
}

function digestOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 16)
}
