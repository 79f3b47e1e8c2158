import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

const root = join(import.meta.dirname, '../..')

export interface GatewayOptions {
  /** Where its brokers are: SLUICE_RABBITMQ_URL, SLUICE_KAFKA_URL. */
  readonly env: Readonly<Record<string, string>>
  /** Its standard output and error, kept over restarts. */
  readonly log: string
}

/** `sluice run -c routes.yaml`, as a process of its own. */
export class GatewayProcess implements AsyncDisposable {
  readonly #options: GatewayOptions
  #child: ChildProcess | undefined
  #ended: Promise<number> = Promise.resolve(0)

  constructor(options: GatewayOptions) {
    this.#options = options
    mkdirSync(dirname(options.log), { recursive: true })
    closeSync(openSync(options.log, 'w'))
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  /** Why it is not running although nobody stopped it; undefined while all is well. */
  get trouble(): string | undefined {
    const child = this.#child
    if (child === undefined || (child.exitCode === null && child.signalCode === null)) return undefined
    const log = relative(process.cwd(), this.#options.log)
    return `The gateway ended by itself with ${child.exitCode ?? child.signalCode}. The end of ${log}:\n\n${this.lastLines()}`
  }

  start(): void {
    const log = openSync(this.#options.log, 'a')
    try {
      const args = [
        join(root, 'src/cli/sluice.js'),
        'run',
        '-c',
        join(root, 'routes.yaml'),
        '--log',
        'text',
        '--admin-port',
        '0',
      ]
      // A process group of its own: Ctrl-C is for the demo, which then stops it.
      const child = spawn(process.execPath, args, {
        cwd: root,
        env: { ...process.env, ...this.#options.env },
        stdio: ['ignore', log, log],
        detached: true,
      })
      this.#child = child
      this.#ended = new Promise((resolve, reject) => {
        child.once('exit', code => resolve(code ?? 1))
        child.once('error', reject)
      })
    } finally {
      closeSync(log)
    }
  }

  /** SIGKILL: no farewell, nothing flushed. Resolves when the process is gone. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** SIGTERM, so that it finishes what it has begun; SIGKILL after 30 s. Resolves to the exit code. */
  async stop(): Promise<number> {
    const timer = setTimeout(() => this.#child?.kill('SIGKILL'), 30_000)
    try {
      return await this.#end('SIGTERM')
    } finally {
      clearTimeout(timer)
    }
  }

  async #end(signal: NodeJS.Signals): Promise<number> {
    const child = this.#child
    if (child === undefined) return 0
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    const code = await this.#ended
    this.#child = undefined
    return code
  }

  lastLines(count = 12): string {
    return readFileSync(this.#options.log, 'utf8').trimEnd().split('\n').slice(-count).join('\n')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill().catch(() => {})
  }
}
