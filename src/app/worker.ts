import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Log } from '../core/ports.ts'

/** Pause before a worker that ended by itself starts again, in ms: doubled each time, and begun anew after a good while. */
const FIRST_PAUSE = 1_000
const LONGEST_PAUSE = 30_000
const GOOD_WHILE = 60_000

export interface WorkerOptions {
  /** From 1 on. */
  readonly number: number
  readonly program: string
  readonly args: readonly string[]
  readonly log: Log
  /** It ended by itself; true = it is not started again. */
  ended(code: number | null): boolean
}

/** What a worker says once it runs. */
export interface WorkerStarted {
  /** Where its own health and metrics are. */
  readonly admin: string | undefined
}

/** One process that carries messages, started again when it ends by itself. */
export class Worker {
  readonly number: number
  readonly #options: WorkerOptions
  #child: ChildProcess | undefined
  #admin: string | undefined
  #restart: NodeJS.Timeout | undefined
  #failures = 0
  #restarts = 0
  #stopping = false
  /** It said that it runs. */
  #runs = false

  constructor(options: WorkerOptions) {
    this.number = options.number
    this.#options = options
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  get restarts(): number {
    return this.#restarts
  }

  /** Where its health and metrics are; undefined while it does not run. */
  get admin(): string | undefined {
    return this.#admin
  }

  start(): void {
    const { number, program, args, log } = this.#options
    const began = performance.now()
    this.#runs = false
    const child = spawn(program, args, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      // A group of its own: Ctrl-C reaches this process alone, which passes it on once.
      detached: true,
    })
    this.#child = child
    log.info({ worker: number, pid: child.pid }, `worker ${number} starts`)
    child.on('message', message => {
      this.#runs = true
      this.#admin = (message as WorkerStarted).admin
    })
    // Such as a process that cannot be made; `exit` does not come then.
    child.on('error', error => {
      log.error({ worker: number, error }, `worker ${number} cannot be started`)
      if (child.pid === undefined) this.#over(null, began)
    })
    child.on('exit', code => this.#over(code, began))
  }

  #over(code: number | null, began: number): void {
    const { number, log, ended } = this.#options
    const pid = this.#child?.pid
    this.#child = undefined
    this.#admin = undefined
    if (this.#stopping || ended(code)) return
    if (performance.now() - began > GOOD_WHILE) this.#failures = 0
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.#failures++)
    log.error({ worker: number, pid, code, pause }, `worker ${number} ended by itself; it starts again in ${pause} ms`)
    this.#restart = setTimeout(() => {
      this.#restarts++
      this.start()
    }, pause)
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name)
  }

  /** Has it drain and end; resolves with its exit code, 1 where a signal ended it, and 0 where it did not run yet. */
  async stop(): Promise<number> {
    this.#stopping = true
    clearTimeout(this.#restart)
    const child = this.#child
    if (child === undefined) return 0
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    const [code] = (await exited) as [code: number | null]
    return this.#runs ? (code ?? 1) : 0
  }
}
