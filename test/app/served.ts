import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { compose } from '../../src/app/compose.ts'
import { PluginModules } from '../../src/app/plugin-modules.ts'
import { type Served, serve } from '../../src/app/serve.ts'
import { Secrets } from '../../src/config/secrets.ts'
import { Notes } from '../engine/lab.ts'

/** Writes files below a folder. */
export function write(dir: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true })
    writeFileSync(join(dir, name), text)
  }
}

/** A folder that is gone after the test. */
export function scratch(files: Readonly<Record<string, string>> = {}): string {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-reload-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  write(dir, files)
  return dir
}

/** A gateway over the configuration, as `sluice run` has it; stopped after the test. */
export async function serving(
  file: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Served & { log: Notes }> {
  const log = new Notes()
  const modules = new PluginModules()
  const secrets = new Secrets()
  const composition = await compose(file, env, { modules })
  if (composition.config === undefined)
    throw new Error(composition.problems.map(({ line, message }) => `${line}: ${message}`).join('\n'))
  const served = await serve({ composition, file, env, modules, override: config => config, secrets, log })
  onTestFinished(() => served.stop())
  return { ...served, log }
}

/** Routes by name from memory address to memory address. */
export function routes(broker: string, ...lines: readonly string[]): string {
  return ['version: 1', 'admin: false', 'connections:', `  a: { url: "memory://${broker}" }`, 'routes:', ...lines].join(
    '\n',
  )
}
