import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { check } from '../config/check.ts'
import type { ConfigSource } from '../config/config-source.ts'
import { isFolder, readConfig } from '../config/load.ts'
import { byPosition, type Problem } from '../config/problem.ts'
import type { Config } from '../config/schema.ts'
import { isMapping } from '../config/scope.ts'
import type { Secrets } from '../config/secrets.ts'
import { SluiceError } from '../core/errors.ts'
import { Registry } from '../core/registry.ts'
import { DRIVERS } from '../drivers/index.ts'
import { builtinStores } from '../stores/builtin.ts'
import { builtinTransforms } from '../transforms/builtin.ts'
import { withDependencies } from './dependencies.ts'
import { PluginModules } from './plugin-modules.ts'
import { loadPlugins, type PluginProblem } from './plugins.ts'

/** A configuration, a file or a folder, with everything it names, ready to run when `config` is there. */
export interface Composition {
  readonly source: ConfigSource
  readonly baseDir: string
  readonly registry: Registry
  readonly problems: readonly Problem[]
  readonly config: Config | undefined
  readonly secrets: Secrets
  /** Absolute paths of what it was read from, folders that were searched among them. A change to one may be a change to it. */
  readonly files: readonly string[]
  /** When the reading began, in ms since the epoch. */
  readonly readAt: number
}

export interface ComposeOptions {
  /** What plug-ins were loaded before by this process. */
  readonly modules?: PluginModules
  /** What a file of a connection reads as that is not there. Absent: it is a problem. */
  readonly missingFile?: string
}

/** Plug-ins → registry → check. Opens no connection. Throws CONFIG_MISSING, CONFIG_INVALID; what is wrong inside the file is in `problems`. */
export async function compose(
  file: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
  { modules = new PluginModules(), missingFile }: ComposeOptions = {},
): Promise<Composition> {
  const readAt = Date.now()
  const source = readConfig(file)
  const baseDir = folderOf(file)
  const files = new Set([...source.files.map(path => resolve(path)), join(baseDir, 'plugins')])
  if (isFolder(file)) files.add(baseDir)
  const registry = new Registry().add(builtinTransforms).add(builtinStores)
  await loadDrivers(registry, schemesOf(source.value))
  const plugins = await loadPlugins(listedPlugins(source.value), baseDir, registry, modules)
  const readFile = (path: string) => {
    const full = resolve(baseDir, path)
    files.add(full)
    return missingFile !== undefined && !existsSync(full) ? missingFile : readFileSync(full, 'utf8')
  }
  const checked = check(source, { registry, baseDir, sources: { env, readFile }, drivers: DRIVERS })
  const problems = [...checked.problems, ...plugins.map(problem => located(problem, source))].toSorted(byPosition)
  for (const path of modules.files) files.add(path)
  const config =
    plugins.length > 0 || checked.config === undefined
      ? undefined
      : withDependencies(checked.config, { registry, modules, baseDir })
  for (const route of config?.routes.values() ?? [])
    for (const { path } of route.files ?? []) files.add(resolve(baseDir, path))
  return { source, baseDir, registry, problems, config, secrets: checked.secrets, files: [...files], readAt }
}

/** Where relative paths of a configuration begin. */
export const folderOf = (file: string): string => (isFolder(file) ? resolve(file) : dirname(resolve(file)))

/**
 * A registry with everything that is built in, every driver loaded, and the plug-ins of a configuration file where one is
 * given: for `sluice schema` and the documentation. Throws CONFIG_MISSING, PLUGIN_INVALID.
 */
export async function composeEverything(file?: string): Promise<Registry> {
  const registry = new Registry().add(builtinTransforms).add(builtinStores)
  await loadDrivers(registry, undefined)
  if (file === undefined) return registry
  const [problem] = await loadPlugins(listedPlugins(readConfig(file).value), folderOf(file), registry)
  if (problem !== undefined) throw new SluiceError('PLUGIN_INVALID', problem.message, { hint: problem.hint })
  return registry
}

async function loadDrivers(registry: Registry, asked: ReadonlySet<string> | undefined): Promise<void> {
  const needed = DRIVERS.filter(
    ({ name, schemes }) => asked === undefined || asked.has(name) || schemes.some(scheme => asked.has(scheme)),
  )
  const drivers = await Promise.all(needed.map(entry => entry.load()))
  registry.add({ name: 'built-in drivers', drivers })
}

// What the connections ask for, before anything is checked: driver names and url schemes.
function schemesOf(file: unknown): Set<string> {
  const asked = new Set<string>()
  const connections = isMapping(file) && isMapping(file['connections']) ? Object.values(file['connections']) : []
  for (const connection of connections) {
    if (!isMapping(connection)) continue
    const urls = [connection['url'], connection['urls']].flat()
    // A url that is one expression shows its scheme only when it is evaluated, which comes later: load them all.
    if (urls.some(url => typeof url === 'string' && url.startsWith('${')))
      for (const { name } of DRIVERS) asked.add(name)
    for (const text of [connection['driver'], ...urls])
      if (typeof text === 'string') asked.add(text.split('://')[0]!.toLowerCase())
  }
  return asked
}

function listedPlugins(file: unknown): string[] | undefined {
  const listed = isMapping(file) ? file['plugins'] : undefined
  return Array.isArray(listed) ? listed.filter(name => typeof name === 'string' && name !== '') : undefined
}

function located({ index, message, hint, file }: PluginProblem, source: ConfigSource): Problem {
  if (index !== undefined) return source.problem({ path: ['plugins', index], message, hint })
  return { severity: 'error', file, line: 0, col: 0, width: 1, path: '', message, hint }
}
