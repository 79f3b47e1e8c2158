import type { Plan } from '../config/plan.ts'
import type { Problem } from '../config/problem.ts'

/** What applying the file as it is now would do; or what is wrong with it. */
export type PlanAnswer =
  | { readonly ok: true; readonly plan: Plan; readonly problems: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[] }

/** What became of one attempt to apply a configuration. The start of the process is the first. */
export interface ReloadResult {
  readonly ok: boolean
  /** ISO 8601. */
  readonly at: string
  readonly trigger: 'start' | 'file' | 'signal' | 'api'
  /** The configuration that runs now (configHash). */
  readonly version: string
  /** What was applied, or was to be applied; undefined when the file has no plan. */
  readonly plan: Plan | undefined
  /** What is wrong in the file. */
  readonly problems: readonly Problem[]
  /** Why the plan was refused or rolled back, in a sentence. */
  readonly error: string | undefined
}

/** How the admin API plans and applies configurations; src/app does it. */
export interface Reloading {
  readonly last: ReloadResult
  /** Reads the file anew. Never throws for what is wrong in it. */
  plan(): Promise<PlanAnswer>
  /** Applies the file as it is now; with `hash` only if its plan is still that one. Never throws. */
  apply(trigger: ReloadResult['trigger'], hash?: string): Promise<ReloadResult>
  /** Called after every attempt; returns what ends the calls. */
  onReload(listener: (result: ReloadResult) => void): () => void
}
