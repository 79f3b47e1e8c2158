import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { must } from '../brokers/commands.ts'

export const root = join(import.meta.dirname, '../..')

/** The machine's environment without what npm sets for its children, and with this Node.js first in the path. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_OPTIONS$|INIT_CWD$|VITEST)/i.test(name))
  const path = [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter)
  return { ...Object.fromEntries(own), PATH: path, NO_COLOR: '1' }
}

/** An empty folder far from this one, gone when disposed. */
export class EmptyFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'sluice-elsewhere-'))

  write(name: string, text: string): void {
    writeFileSync(join(this.path, name), text)
  }

  read(name: string): string {
    return readFileSync(join(this.path, name), 'utf8')
  }

  /** Runs a command to its end; throws its last lines where it fails. */
  run(what: string, command: string, ...args: readonly string[]): Promise<string> {
    return must(what, command, args, { cwd: this.path, env: plainEnvironment() })
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** `npm pack` of this project into `folder`; answers with the tarball's path. */
export async function pack(folder: string): Promise<string> {
  const options = { cwd: root, env: plainEnvironment() }
  const args = ['pack', '--json', '--pack-destination', folder]
  const output = await must('The package could not be packed', 'npm', args, options)
  const name = /"filename": "([^"]+)"/.exec(output)?.[1]
  if (name === undefined) throw new Error(`npm pack names no file: ${output}`)
  return join(folder, name)
}

/** Installs the tarball as a production image would: without what only developers need, and without optional packages. */
export async function install(folder: EmptyFolder, tarball: string): Promise<void> {
  const args = ['install', '--omit=dev', '--omit=optional', '--prefer-offline', '--no-audit', '--no-fund', tarball]
  await folder.run('The package could not be installed', 'npm', ...args)
}
