import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire, type ResolveFnOutput, type ResolveHookContext } from 'node:module'
import { sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Plugin } from '../core/ports.ts'

/** A plug-in's module, as of what its files held when it was loaded. */
export interface PluginModule {
  readonly file: string
  /** Its files: the entry and what it imports from beside itself; not what lies in node_modules. */
  readonly files: readonly string[]
  /** Of what is in them. */
  readonly digest: string
  readonly namespace: Readonly<Record<string, unknown>>
}

export type NextResolve = (specifier: string, context?: Partial<ResolveHookContext>) => ResolveFnOutput

const VERSION = 'sluice'

/**
 * The modules of plug-ins over the life of a process. A file that has changed is loaded anew, with all it imports from beside
 * itself; one that has not is the very module it was, so that nothing that uses it counts as changed. A module that was
 * replaced stays in memory, as everything Node.js has loaded does.
 */
export class PluginModules {
  readonly #loaded = new Map<string, PluginModule>()
  /** Which files import which. Kept also of what failed, whose mending has to be noticed. */
  readonly #imports = new Map<string, Set<string>>()
  readonly #tried = new Set<string>()
  readonly #origins = new WeakMap<object, PluginModule>()

  /** The module of the file as it is now. Throws what its code throws. */
  async load(file: string): Promise<PluginModule> {
    const known = this.#loaded.get(file)
    const now = this.#digest(file)
    if (known?.digest === now) return known
    const url = pathToFileURL(file)
    // Node.js keeps what it has loaded by its address, failures, too; CommonJS by its file name.
    if (this.#tried.has(file)) {
      url.searchParams.set(VERSION, now)
      const { cache } = createRequire(import.meta.url)
      for (const each of this.filesOf(file)) delete cache[each]
    }
    this.#tried.add(file)
    const namespace = (await import(url.href)) as Readonly<Record<string, unknown>>
    const module = { file, files: this.filesOf(file), digest: this.#digest(file), namespace }
    this.#loaded.set(file, module)
    return module
  }

  /** To be called by a hook that resolves modules while plug-ins are loaded. */
  resolve(specifier: string, context: ResolveHookContext, next: NextResolve): ResolveFnOutput {
    const found = next(specifier, context)
    // A package, `sluice` among them, stays what it was.
    if (context.parentURL === undefined || !/^(\.{0,2}\/|file:)/.test(specifier)) return found
    const parent = new URL(context.parentURL)
    const child = new URL(found.url)
    if (!isOwn(parent) || !isOwn(child)) return found
    const importer = fileURLToPath(parent)
    if (!this.#tried.has(importer) && !this.#isImported(importer)) return found
    this.#importsOf(importer).add(fileURLToPath(child))
    const version = parent.searchParams.get(VERSION)
    if (version === null || !context.conditions.includes('import')) return found
    child.searchParams.set(VERSION, version)
    return { ...found, url: child.href }
  }

  /** The file with all it imports, as far as is known. */
  filesOf(file: string): readonly string[] {
    const files = new Set([file])
    for (const each of files) for (const imported of this.#imports.get(each) ?? []) files.add(imported)
    return [...files]
  }

  /** Every file that a plug-in was loaded from, or was to be. */
  get files(): readonly string[] {
    return [...new Set([...this.#tried].flatMap(file => this.filesOf(file)))]
  }

  /** Notes what a plug-in brought. */
  brought(plugin: Plugin, module: PluginModule): void {
    const { drivers = [], transforms = [], gathers = [], stores = [] } = plugin
    for (const part of [...drivers, ...transforms, ...gathers, ...stores]) this.#origins.set(part, module)
  }

  /** The module that brought a driver, step or store; undefined = it is built in. */
  originOf(part: object | undefined): PluginModule | undefined {
    return part && this.#origins.get(part)
  }

  #importsOf(file: string): Set<string> {
    let imports = this.#imports.get(file)
    if (imports === undefined) this.#imports.set(file, (imports = new Set()))
    return imports
  }

  #isImported(file: string): boolean {
    for (const imports of this.#imports.values()) if (imports.has(file)) return true
    return false
  }

  #digest(file: string): string {
    const hash = createHash('sha256')
    for (const each of this.filesOf(file)) hash.update(each).update(contents(each))
    return hash.digest('hex').slice(0, 16)
  }
}

const isOwn = (url: URL): boolean =>
  url.protocol === 'file:' && !fileURLToPath(url).includes(`${sep}node_modules${sep}`)

function contents(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch {
    return Buffer.alloc(0)
  }
}
