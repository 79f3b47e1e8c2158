import { existsSync, readdirSync } from 'node:fs'
import { type ResolveFnOutput, type ResolveHookContext, registerHooks } from 'node:module'
import { join, resolve } from 'node:path'
import { Validator } from '../config/validator.ts'
import { describe, SluiceError } from '../core/errors.ts'
import type { Plugin } from '../core/ports.ts'
import type { Registry } from '../core/registry.ts'
import { packageEntry } from './package-entry.ts'
import { type NextResolve, type PluginModule, PluginModules } from './plugin-modules.ts'
import { pluginShape } from './plugin-shape.ts'

const FOLDER = 'plugins'
const FILE = /(?<!\.d)\.(ts|mts|js|mjs)$/
/** A plug-in that waits for something at its top level must not keep the gateway from starting. */
const LOAD_TIMEOUT_MS = 30_000

export interface PluginProblem {
  /** Index in `plugins:`, or undefined for a file that was found in the folder. */
  readonly index: number | undefined
  readonly file: string
  readonly message: string
  readonly hint: string
}

/** Loads every plug-in into the registry; what cannot be loaded is returned, each with its reason. */
export async function loadPlugins(
  listed: readonly string[] | undefined,
  baseDir: string,
  registry: Registry,
  modules = new PluginModules(),
): Promise<PluginProblem[]> {
  const problems: PluginProblem[] = []
  const found = listed === undefined ? inFolder(baseDir) : [...listed]
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      modules.resolve(specifier, context, (what, where) => resolveForPlugins(what, { ...context, ...where }, next)),
  })
  try {
    for (const [index, name] of found.entries()) {
      try {
        await load(name, baseDir, registry, modules)
      } catch (error) {
        const known = error instanceof SluiceError
        const hint = known ? error.hint : 'The plug-in itself threw while it was loaded; mend it, or remove it.'
        problems.push({ index: listed === undefined ? undefined : index, file: name, message: describe(error), hint })
      }
    }
  } finally {
    hooks.deregister()
  }
  return problems
}

// `import … from 'sluice'` in a plug-in is this very program, wherever the plug-in lies; `typebox`, in which options are
// described, is its own where it has one.
function resolveForPlugins(specifier: string, context: ResolveHookContext, next: NextResolve): ResolveFnOutput {
  if (specifier === 'sluice') {
    const door = import.meta.url.endsWith('.ts') ? '../index.ts' : '../index.js'
    return { url: new URL(door, import.meta.url).href, shortCircuit: true }
  }
  try {
    const found = next(specifier, context)
    // Where no package.json says of which type a file is, Node.js would find out by itself, and warn of it.
    return found.format == null && found.url.endsWith('.ts') ? { ...found, format: 'module-typescript' } : found
  } catch (error) {
    if (specifier !== 'typebox') throw error
    return { url: import.meta.resolve('typebox'), shortCircuit: true }
  }
}

function inFolder(baseDir: string): string[] {
  const folder = join(baseDir, FOLDER)
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter(name => FILE.test(name) && !/\.(test|spec)\.[mc]?[jt]s$/.test(name))
    .toSorted()
    .map(name => `./${FOLDER}/${name}`)
}

async function load(name: string, baseDir: string, registry: Registry, modules: PluginModules): Promise<void> {
  const file = locate(name, baseDir)
  const module = await imported(modules.load(file), name)
  const plugin = pluginShape(module.namespace['default'], name)
  const broken = brokenSchema(plugin)
  if (broken !== undefined)
    throw new SluiceError('PLUGIN_INVALID', `the plug-in ${name}: ${broken}`, { hint: 'Correct the schema.' })
  registry.add(plugin)
  modules.brought(plugin, module)
}

function locate(name: string, baseDir: string): string {
  const isPath = /^\.{0,2}[/\\]/.test(name) || FILE.test(name)
  const file = isPath ? resolve(baseDir, name) : packageEntry(name, baseDir)
  if (file === undefined)
    throw new SluiceError('PLUGIN_INVALID', `the package ${name} is not installed`, {
      hint: `Run \`npm install ${name}\` beside the configuration file; a path begins with ./`,
    })
  if (!existsSync(file))
    throw new SluiceError(
      'PLUGIN_INVALID',
      `there is no plug-in ${isPath ? file : `file ${file} in the package ${name}`}`,
      { hint: 'Paths are relative to the configuration file.' },
    )
  return file
}

async function imported(loading: Promise<PluginModule>, name: string): Promise<PluginModule> {
  const { promise: tooLong, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () =>
      reject(
        new SluiceError(
          'PLUGIN_INVALID',
          `the plug-in ${name} did not finish loading in ${LOAD_TIMEOUT_MS / 1_000} s`,
          { hint: 'Do not wait for anything at its top level; do it in `create`.' },
        ),
      ),
    LOAD_TIMEOUT_MS,
  )
  try {
    return await Promise.race([loading, tooLong])
  } catch (error) {
    throw translate(error, name)
  } finally {
    clearTimeout(timer)
  }
}

function translate(error: unknown, name: string): SluiceError {
  if (error instanceof SluiceError) return error
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const say = (message: string, hint: string) =>
    new SluiceError('PLUGIN_INVALID', `the plug-in ${name} ${message}`, { cause: error, hint })
  if (code === 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING')
    return say('is TypeScript in node_modules, which Node.js does not run', 'The package must ship JavaScript.')
  if (code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX' || code === 'ERR_INVALID_TYPESCRIPT_SYNTAX')
    return say(
      `cannot be read: ${firstLine(error)}`,
      'Use TypeScript whose types can be erased: no enums, namespaces or parameter properties.',
    )
  if (code === 'ERR_MODULE_NOT_FOUND')
    return say(`imports something that is missing: ${firstLine(error)}`, 'Install it beside the configuration file.')
  if (error instanceof SyntaxError) return say(`cannot be read: ${firstLine(error)}`, 'Correct its syntax.')
  return say(`threw while it was loaded: ${firstLine(error)}`, 'Mend the plug-in, or remove it.')
}

const firstLine = (error: unknown): string => describe(error).trim().split('\n')[0]!

function brokenSchema(plugin: Plugin): string | undefined {
  const validator = new Validator()
  const schemas = [
    ...(plugin.transforms ?? []).map(({ name, schema }) => [`transform "${name}"`, schema] as const),
    ...(plugin.gathers ?? []).map(({ name, schema }) => [`gathering step "${name}"`, schema] as const),
    ...(plugin.stores ?? []).map(({ name, schema }) => [`store "${name}"`, schema] as const),
    ...(plugin.drivers ?? []).flatMap(({ name, schema }) =>
      Object.entries(schema).map(([part, one]) => [`driver "${name}" (${part})`, one] as const),
    ),
  ]
  for (const [what, schema] of schemas) {
    const reason = validator.broken(schema)
    if (reason !== undefined) return `the schema of ${what} is broken: ${reason}`
  }
  return undefined
}
