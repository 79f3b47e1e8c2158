import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { runCommandLine } from '../../src/cli/main.ts'
import { Terminal } from '../../src/cli/terminal.ts'

const LAUNCHER = join(import.meta.dirname, '../../src/cli/sluice.js')

export interface Result {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  /** Both, as a person would have seen them. */
  readonly output: string
}

/** A real `sluice` process. */
export class Sluice {
  readonly process: ChildProcess
  readonly result: Promise<Result>
  #stdout = ''
  #stderr = ''
  readonly #watchers = new Set<() => void>()

  /** `launcher` is the program's file and `node` what runs it, where they are not those of this project. */
  constructor(
    args: readonly string[],
    cwd: string,
    env: Readonly<Record<string, string>> = {},
    launcher: string = LAUNCHER,
    node: string = process.execPath,
  ) {
    this.process = spawn(node, [launcher, ...args], {
      cwd,
      env: { PATH: process.env['PATH'] ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.process.stdout!.setEncoding('utf8').on('data', chunk => this.#take(() => (this.#stdout += chunk)))
    this.process.stderr!.setEncoding('utf8').on('data', chunk => this.#take(() => (this.#stderr += chunk)))
    this.result = new Promise(resolve => {
      this.process.on('close', (code, signal) => {
        const output = this.#stdout + this.#stderr
        resolve({ code, signal, stdout: this.#stdout, stderr: this.#stderr, output })
      })
    })
    onTestFinished(() => void this.process.kill('SIGKILL'))
  }

  /** Standard error so far. */
  get errors(): string {
    return this.#stderr
  }

  /** Resolves with the match once standard error holds it; rejects when the process ends without it. */
  async saw(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#stderr)
      if (match !== null) return match
      const ended = await Promise.race([
        new Promise<false>(resolve => this.#watchers.add(() => resolve(false))),
        this.result.then(() => true),
      ])
      if (ended && !pattern.test(this.#stderr)) throw new Error(`ended without ${pattern}: ${this.#stderr}`)
    }
  }

  #take(append: () => void): void {
    append()
    for (const watcher of this.#watchers) watcher()
    this.#watchers.clear()
  }
}

/** Runs `sluice` to its end, in a process of its own. */
export function sluice(args: readonly string[], cwd: string, env?: Readonly<Record<string, string>>): Promise<Result> {
  return new Sluice(args, cwd, env).result
}

/** The same within this process, which takes milliseconds; `routes.yaml` is the one in `dir`. */
export async function command(args: readonly string[], dir: string, env: Readonly<Record<string, string>> = {}) {
  let stdout = ''
  let stderr = ''
  const terminal = new Terminal({ write: text => (stdout += text) }, { write: text => (stderr += text) }, env)
  const file = join(dir, 'routes.yaml')
  const code = await runCommandLine(existsSync(file) ? [...args, '-c', file] : args, terminal)
  const clean = (text: string) => text.replaceAll(`${dir}/`, '')
  return {
    code,
    signal: null,
    stdout: clean(stdout),
    stderr: clean(stderr),
    output: clean(stdout + stderr),
  } satisfies Result
}

/** A gateway with one route that carries nothing by itself. */
export const ROUTES = `version: 1
admin: { port: 0 }
connections:
  a: { url: "memory://lab" }
routes:
  copy: { from: { connection: a, address: in }, to: { connection: a, address: out } }
`

/** A folder with these files, gone after the test. */
export function folder(files: Readonly<Record<string, string>> = {}): string {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-cli-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true })
    writeFileSync(join(dir, name), text)
  }
  return dir
}
