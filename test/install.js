// Plain JavaScript for Node 20 and without dependencies: this runs before anything is installed.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '..')
const modules = join(root, 'node_modules')

/**
 * Installs the dependencies where they are missing or are not those of package-lock.json. Throws an Error with a
 * readable message where that does not succeed.
 */
export function ensureInstalled() {
  if (isInstalled()) return
  process.stderr.write('Installing dependencies (npm ci) ...\n')
  let result = npm('ci')
  // npm writes a lockfile without the optional packages its registry does not have, and then refuses it (EUSAGE) for
  // lacking them. `npm install` takes it, and installs the very same versions.
  if (/\bEUSAGE\b/.test(result.output)) result = npm('install', '--no-save')
  if (result.status === 0) return
  throw new Error(
    `The dependencies could not be installed: ${result.command} ended with ${result.status}.\n` +
      `${result.output.split('\n').slice(0, 20).join('\n')}\nRun "npm ci" by hand to see more.`,
  )
}

function npm(...args) {
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error']
  const options = { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }
  const { status, stdout, stderr, error } = spawnSync('npm', [...args, ...quiet], options)
  const output = error ? `npm could not be started: ${error.message}` : `${stdout}${stderr}`.trim()
  return { command: `npm ${args.join(' ')}`, status, output }
}

/** Node 24 or later: the one this runs on, or else the one that the `node` package brings into node_modules. */
export function node24() {
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath
  const bundled = join(modules, '.bin/node')
  const { status, stdout } = spawnSync(bundled, ['--version'], { encoding: 'utf8' })
  if (status === 0 && Number(/^v(\d+)/.exec(stdout)?.[1]) >= 24) return bundled
  throw new Error(
    `Sluice needs Node 24 and this is ${process.version}. The dependency "node" brings Node 24 along by its install ` +
      'script, which has not run: install Node 24, or allow install scripts and run "npm ci".',
  )
}

/** Compares what npm says it installed with what package-lock.json wants; optional packages may be absent. */
function isInstalled() {
  const wanted = packagesOf(join(root, 'package-lock.json'))
  const installed = packagesOf(join(modules, '.package-lock.json'))
  if (!wanted || !installed) return false
  return Object.entries(wanted).every(([path, { version, optional, peer }]) => {
    if (path === '') return true
    const found = installed[path]
    return found ? found.version === version && existsSync(join(root, path)) : Boolean(optional || peer)
  })
}

function packagesOf(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages
  } catch {
    return undefined
  }
}
