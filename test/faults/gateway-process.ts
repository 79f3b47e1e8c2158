import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { memoryMiB } from '../brokers/processes.ts'
import { until } from '../streams/ends.ts'

const PROGRAM = join(import.meta.dirname, '../../src/cli/sluice.js')

export interface LogLine {
  readonly level: string
  readonly msg: string
  readonly [field: string]: unknown
}

/** A folder with a routes.yaml, and whatever the gateways that run it leave there. */
export class GatewayFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'sluice-gateway-'))

  constructor(yaml: string) {
    this.write(yaml)
  }

  write(yaml: string): void {
    writeFileSync(join(this.path, 'routes.yaml'), yaml)
  }

  /** Starts `sluice run` with these further arguments; resolves when it says that it runs. */
  async start(more: readonly string[] = []): Promise<GatewayProcess> {
    const gateway = new GatewayProcess(join(this.path, 'routes.yaml'), more)
    try {
      await gateway.says('started')
      return gateway
    } catch (error) {
      await gateway.kill()
      throw error
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** `sluice run` as a process of its own, so that SIGKILL is SIGKILL. */
export class GatewayProcess implements AsyncDisposable {
  readonly log: LogLine[] = []
  /** Lines that were no log lines: nothing a user should ever see. */
  readonly noise: string[] = []
  readonly #child: ChildProcess
  #ended = false
  readonly #exited: Promise<unknown>

  constructor(file: string, more: readonly string[] = []) {
    const args = [PROGRAM, 'run', '-c', file, '--log', 'json', ...more]
    this.#child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#exited = once(this.#child, 'exit')
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      createInterface({ input: stream }).on('line', line => this.#read(line))
  }

  #read(line: string): void {
    try {
      this.log.push(JSON.parse(line) as LogLine)
    } catch {
      this.noise.push(line)
    }
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** It was killed or stopped by the test. */
  get ended(): boolean {
    return this.#ended
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Resident memory in MiB. */
  get memory(): number {
    return memoryMiB(this.pid)
  }

  /** Resolves with the first line whose message matches, logged at or after index `from`. */
  async says(text: string | RegExp, from = 0, ms = 180_000): Promise<LogLine> {
    const matches = ({ msg }: LogLine) => (typeof text === 'string' ? msg === text : text.test(msg))
    const find = () => this.log.slice(from).find(matches)
    await until(
      () => `the gateway says ${text}; it said:\n${this.tail}`,
      () => {
        if (!this.running && find() === undefined) throw new Error(`the gateway ended; it said:\n${this.tail}`)
        return find() !== undefined
      },
      ms,
    )
    return find()!
  }

  /** The end of its log, for messages. */
  get tail(): string {
    return [...this.log.slice(-30).map(line => JSON.stringify(line)), ...this.noise.slice(-30)].join('\n')
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#ended = true
    if (this.running) this.#child.kill('SIGKILL')
    await this.#exited
  }

  /** SIGTERM; resolves with the exit code, -1 where it had to be killed after `ms`. */
  async stop(ms = 180_000): Promise<number> {
    this.#ended = true
    if (this.running) this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), ms)
    await this.#exited
    clearTimeout(timer)
    return this.#child.exitCode ?? -1
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }
}
