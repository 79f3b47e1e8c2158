import type { PlanAnswer, Reloading, ReloadResult } from '../admin/reloading.ts'
import { configHash, type Plan, plan } from '../config/plan.ts'
import type { Problem } from '../config/problem.ts'
import type { Config } from '../config/schema.ts'
import type { Secrets } from '../config/secrets.ts'
import { asSluiceError } from '../core/errors.ts'
import type { Log } from '../core/ports.ts'
import type { Registry } from '../core/registry.ts'
import type { Gateway } from '../engine/gateway.ts'
import { type Composition, compose } from './compose.ts'
import type { PluginModules } from './plugin-modules.ts'
import { type ReloadMetrics, tell } from './reload-report.ts'

export interface ReloaderOptions {
  /** The configuration: a file, or a folder. */
  readonly file: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly gateway: Gateway
  /** What the gateway was made from. */
  readonly composition: Composition
  /** What composed it loaded its plug-ins with. */
  readonly modules: PluginModules
  /** What the command line says instead of the file. */
  readonly override: (config: Config) => Config
  /** Takes the secrets of what was read before anything about it is written. */
  readonly secrets: Secrets
  readonly metrics: ReloadMetrics
  readonly log: Log
}

/** A configuration that was read and can be used. */
interface Wanted {
  readonly config: Config
  readonly registry: Registry
  readonly problems: readonly Problem[]
}

/** Most callers that may wait for their turn (Invariant 6). */
const MOST_WAITING = 16

/** Plans and applies what the configuration is now, one call after the other. */
export class Reloader implements Reloading {
  readonly #options: ReloaderOptions
  readonly #listeners = new Set<(result: ReloadResult) => void>()
  #last: ReloadResult
  #files: ReadonlySet<string>
  #tail: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(options: ReloaderOptions) {
    const { gateway, composition, metrics } = options
    const { config } = gateway.running
    this.#options = options
    this.#files = new Set(composition.files)
    const { problems } = composition
    this.#last = this.#result('start', { ok: true, plan: plan(undefined, config), problems })
    metrics.note(this.#last)
  }

  get last(): ReloadResult {
    return this.#last
  }

  /** Absolute paths whose change may be one of the configuration. */
  get files(): readonly string[] {
    return [...this.#files]
  }

  onReload(listener: (result: ReloadResult) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  plan(): Promise<PlanAnswer> {
    return this.#inTurn<PlanAnswer>(
      async () => {
        const wanted = await this.#read()
        if ('refused' in wanted) return { ok: false, problems: wanted.refused }
        return { ok: true, plan: this.#planFor(wanted), problems: wanted.problems }
      },
      (_, problem) => ({ ok: false, problems: [problem] }),
    )
  }

  apply(trigger: ReloadResult['trigger'], hash?: string): Promise<ReloadResult> {
    return this.#inTurn(
      async () => this.#noted(await this.#apply(trigger, hash)),
      error => this.#result(trigger, { ok: false, plan: undefined, problems: [], error }),
    )
  }

  async #apply(trigger: ReloadResult['trigger'], hash: string | undefined): Promise<ReloadResult> {
    const { gateway, secrets } = this.#options
    const wanted = await this.#read()
    if ('refused' in wanted) {
      const error = 'the configuration cannot be used; what runs goes on as it was'
      return this.#result(trigger, { ok: false, plan: undefined, problems: wanted.refused, error })
    }
    const { problems } = wanted
    const planned = this.#planFor(wanted)
    const refused = (error: string) => this.#result(trigger, { ok: false, plan: planned, problems, error })
    if (hash !== undefined && hash !== planned.hash)
      return refused(`the plan is not ${hash} any more: it is ${planned.hash} now; look at it and apply that one`)
    try {
      await gateway.apply(wanted.config, wanted.registry, planned)
    } catch (error) {
      // Invariant 7: a configuration that cannot be applied changes nothing.
      const { message, hint } = asSluiceError(error)
      return refused(secrets.redact(hint === '' ? message : `${message} (${hint})`))
    }
    return this.#result(trigger, { ok: true, plan: planned, problems })
  }

  #planFor({ config }: Wanted): Plan {
    return plan(this.#options.gateway.running.config, config)
  }

  async #read(): Promise<Wanted | { readonly refused: readonly Problem[] }> {
    const { file, env, modules, override, secrets } = this.#options
    try {
      const read = await compose(file, env, { modules })
      secrets.addAll(read.secrets)
      const { problems, registry, config } = read
      // What was read before stays watched: what is missing now may come back.
      this.#files = config === undefined ? new Set([...this.#files, ...read.files]) : new Set(read.files)
      return config === undefined ? { refused: problems } : { config: override(config), registry, problems }
    } catch (error) {
      const { message, hint } = asSluiceError(error, 'CONFIG_INVALID')
      return { refused: [{ severity: 'error', file, line: 0, col: 0, width: 1, path: '', message, hint }] }
    }
  }

  #result(
    trigger: ReloadResult['trigger'],
    outcome: Pick<ReloadResult, 'ok' | 'plan' | 'problems'> & { error?: string },
  ): ReloadResult {
    const version = configHash(this.#options.gateway.running.config)
    return { at: new Date().toISOString(), trigger, version, error: undefined, ...outcome }
  }

  // A file that was touched and means what it meant is no event; nor is one that is as wrong as it was.
  #noted(result: ReloadResult): ReloadResult {
    const { metrics, log } = this.#options
    if (result.trigger === 'file' && same(this.#last, result)) return result
    tell(result, this.#last, log)
    this.#last = result
    metrics.note(result)
    for (const listener of this.#listeners) listener(result)
    return result
  }

  // One after the other, never interleaved: each sees what the one before it has left.
  #inTurn<T>(work: () => Promise<T>, refuse: (why: string, problem: Problem) => T): Promise<T> {
    const refusal = (message: string) =>
      refuse(message, { severity: 'error', file: this.#options.file, line: 0, col: 0, width: 1, path: '', message })
    if (this.#waiting >= MOST_WAITING)
      return Promise.resolve(refusal(`${MOST_WAITING} others wait already; try again later`))
    this.#waiting++
    const turn = this.#tail
      .then(work)
      .catch((error: unknown) => refusal(asSluiceError(error).message))
      .finally(() => this.#waiting--)
    this.#tail = turn
    return turn
  }
}

function same(before: ReloadResult, after: ReloadResult): boolean {
  if (before.ok !== after.ok || before.version !== after.version) return false
  if (after.ok) return after.plan?.changes.length === 0 && equal(before.plan?.process, after.plan?.process)
  return equal([before.problems, before.error], [after.problems, after.error])
}

const equal = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)
