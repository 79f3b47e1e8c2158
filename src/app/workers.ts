import type { LogLevelControl } from '../admin/log-endpoints.ts'
import { AdminServer } from '../admin/server.ts'
import { mergeMetrics } from '../admin/worker-metrics.ts'
import type { Config } from '../config/schema.ts'
import type { Log } from '../core/ports.ts'
import { Worker } from './worker.ts'

/** Longest wait for what a worker says about itself, in ms: below a probe's usual time-out and a scrape's. */
const ASK_MS = 2_500

export interface WorkersOptions {
  readonly count: number
  readonly admin: Config['admin']
  readonly program: string
  /** Arguments of the worker with this number. */
  args(worker: number): readonly string[]
  readonly log: Log
  readonly logLevel: LogLevelControl
  /** `shutdown.drain`, in ms. */
  readonly drainMs: number
  /** Hides secrets in a text. */
  redact(text: string): string
  /** A worker ended by itself; true = none is started again. */
  ended(code: number | null): boolean
}

/** Several processes with one configuration: started, started again, asked, shown as one and stopped together. */
export class Workers {
  readonly #workers: readonly Worker[]
  #server: AdminServer | undefined

  private constructor(options: WorkersOptions) {
    const { count, program, log, ended } = options
    this.#workers = Array.from({ length: count }, (_, i) => {
      const number = i + 1
      return new Worker({ number, program, args: options.args(number), log, ended })
    })
  }

  /** Throws PORT_IN_USE before any of them is started. */
  static async start(options: WorkersOptions): Promise<Workers> {
    const workers = new Workers(options)
    const { admin, log } = options
    const parts = { ...options, doors: workers.#workers }
    if (admin !== false) workers.#server = await AdminServer.listen(admin, workers, log, parts)
    for (const worker of workers.#workers) worker.start()
    return workers
  }

  get adminUrl(): string | undefined {
    return this.#server?.url
  }

  /** Passes a signal on to all. */
  signal(name: NodeJS.Signals): void {
    for (const worker of this.#workers) worker.signal(name)
  }

  /** Every worker that runs makes progress; one that starts again is no reason to end the others. */
  async live() {
    const answers = await this.#askAll('/livez')
    const workers = answers.map(({ worker, response, body }) => ({
      worker: worker.number,
      live: worker.admin === undefined || response?.ok === true,
      ...(parsed(body) as object),
    }))
    return { ok: workers.every(({ live }) => live), workers }
  }

  /** Every worker runs and takes messages. */
  async ready() {
    const answers = await this.#askAll('/readyz')
    const workers = answers.map(({ worker, response, body }) => ({
      worker: worker.number,
      pid: worker.pid,
      restarts: worker.restarts,
      ready: response?.ok === true,
      ...(parsed(body) as object),
    }))
    return { ok: workers.every(({ ready }) => ready), workers }
  }

  async metrics(): Promise<string> {
    const answers = await this.#askAll('/metrics')
    return mergeMetrics(
      new Map(answers.map(({ worker, response, body }) => [worker.number, response?.ok ? body : undefined])),
    )
  }

  #askAll(path: string) {
    return Promise.all(this.#workers.map(worker => ask(worker, path)))
  }

  /** Has all of them drain; resolves when the last one has ended, with the highest of their exit codes. */
  async stop(): Promise<number> {
    const codes = await Promise.all(this.#workers.map(worker => worker.stop()))
    await this.#server?.[Symbol.asyncDispose]()
    return Math.max(...codes)
  }
}

interface Answer {
  readonly worker: Worker
  readonly response: Response | undefined
  readonly body: string
}

async function ask(worker: Worker, path: string): Promise<Answer> {
  if (worker.admin === undefined) return { worker, response: undefined, body: '' }
  try {
    const response = await fetch(worker.admin + path, { signal: AbortSignal.timeout(ASK_MS) })
    return { worker, response, body: await response.text() }
  } catch {
    return { worker, response: undefined, body: '' }
  }
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return {}
  }
}
