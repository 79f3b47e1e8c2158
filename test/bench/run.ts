import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'

/** What one process did, measured by itself after its first tenth (start-up and the compiler's warm-up left out). */
export interface Run {
  readonly messages: number
  readonly wallSeconds: number
  /** User and system time of the process. */
  readonly cpuSeconds: number
  readonly peakMiB: number
}

/** Runs `script` with `args` in a process of its own; its last line of output is the Run as JSON. Throws when it fails. */
export async function runChild(
  script: string,
  args: readonly string[],
  { execArgv = [], env = {} }: { readonly execArgv?: readonly string[]; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Run> {
  const child = spawn(process.execPath, [...execArgv, join(import.meta.dirname, script), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  const code = await new Promise<number | null>(resolve => child.on('exit', resolve))
  const last = output.trim().split('\n').at(-1) ?? ''
  if (code !== 0) throw new Error(`${script} ended with ${code}: ${last}`)
  return JSON.parse(last) as Run
}

/** SIGTERM; resolves when the process is gone. */
export async function stopped(child: ChildProcess): Promise<void> {
  const exit = new Promise(resolve => child.once('exit', resolve))
  child.kill('SIGTERM')
  await exit
}

/** Measures this process from the first tenth of `total` messages to the last. */
export class Meter {
  readonly #total: number
  #from: { readonly at: number; readonly cpu: NodeJS.CpuUsage; readonly done: number } | undefined

  constructor(total: number) {
    this.#total = total
  }

  /** `done` messages are through. The Run when all are. */
  look(done: number): Run | undefined {
    if (this.#from === undefined && done >= this.#total / 10)
      this.#from = { at: performance.now(), cpu: process.cpuUsage(), done }
    if (done < this.#total || this.#from === undefined) return undefined
    const { user, system } = process.cpuUsage(this.#from.cpu)
    return {
      messages: done - this.#from.done,
      wallSeconds: (performance.now() - this.#from.at) / 1000,
      cpuSeconds: (user + system) / 1e6,
      peakMiB: Math.round(process.resourceUsage().maxRSS / 1024),
    }
  }
}
