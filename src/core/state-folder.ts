import { join, resolve } from 'node:path'

const FOLDER = '.sluice'

/**
 * Absolute path of something the gateway keeps over restarts. `path` is relative to the folder of the configuration file; what
 * begins with `.sluice/` lies in `SLUICE_STATE_DIR` where that is set, because a configuration may be mounted read-only.
 */
export function statePath(baseDir: string, path: string, stateDir = process.env['SLUICE_STATE_DIR']): string {
  const below = path.startsWith(`${FOLDER}/`) ? path.slice(FOLDER.length + 1) : undefined
  return stateDir && below !== undefined ? join(resolve(stateDir), below) : resolve(baseDir, path)
}
