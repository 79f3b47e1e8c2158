import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * The file that `import name` loads when the configuration file's folder asks for it, as an ES module; undefined when no
 * such package is installed there. (`createRequire().resolve` does not see packages that export for `import` only.)
 */
export function packageEntry(name: string, baseDir: string): string | undefined {
  const manifest = findManifest(name, baseDir)
  if (manifest === undefined) return undefined
  const { exports, module, main } = JSON.parse(readFileSync(manifest, 'utf8')) as Record<string, unknown>
  const entry = target(dotOf(exports)) ?? [module, main].find(value => typeof value === 'string') ?? 'index.js'
  return join(dirname(manifest), entry)
}

function findManifest(name: string, baseDir: string): string | undefined {
  try {
    return findPackageJSON(name, pathToFileURL(join(baseDir, 'routes.yaml')))
  } catch {
    return undefined
  }
}

function dotOf(exports: unknown): unknown {
  return typeof exports === 'object' && exports !== null && '.' in exports ? exports['.'] : exports
}

function target(exports: unknown): string | undefined {
  if (typeof exports === 'string') return exports
  if (Array.isArray(exports)) return exports.map(target).find(found => found !== undefined)
  if (typeof exports !== 'object' || exports === null) return undefined
  for (const [condition, value] of Object.entries(exports))
    if (['node', 'import', 'module-sync', 'default'].includes(condition)) {
      const found = target(value)
      if (found !== undefined) return found
    }
  return undefined
}
