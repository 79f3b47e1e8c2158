import type { PlanAnswer, Reloading, ReloadResult } from '../../src/admin/reloading.ts'
import type { Plan } from '../../src/config/plan.ts'

export const PLAN: Plan = {
  changes: [
    { kind: 'stop', route: 'old', paths: [] },
    { kind: 'swap', route: 'orders', paths: ['routes.orders.transform[0]'] },
  ],
  process: ['admin.port'],
  hash: 'cafe',
}
export const PROBLEM = {
  severity: 'error',
  file: 'routes.yaml',
  line: 3,
  col: 1,
  width: 4,
  path: 'routes',
  message: 'no',
} as const

/** A file that changes under a gateway, as src/app would see it. */
export class PlannedFile implements Reloading {
  last: ReloadResult
  answer: PlanAnswer = { ok: true, plan: PLAN, problems: [] }
  broken: string | undefined
  readonly applied: unknown[] = []

  constructor() {
    this.last = this.#result(true, 'start')
  }

  #result(ok: boolean, trigger: ReloadResult['trigger'], error?: string): ReloadResult {
    const { problems } = this.answer
    const plan = this.answer.ok ? this.answer.plan : undefined
    return { ok, at: new Date().toISOString(), trigger, version: 'v1', plan, problems, error }
  }

  /** From now on it has a mistake. */
  breakIt(): void {
    this.answer = { ok: false, problems: [PROBLEM] }
  }

  async plan(): Promise<PlanAnswer> {
    return this.answer
  }

  async apply(trigger: ReloadResult['trigger'], hash?: string): Promise<ReloadResult> {
    this.applied.push([trigger, hash])
    if (!this.answer.ok) this.last = this.#result(false, trigger)
    else if (hash !== undefined && hash !== PLAN.hash) this.last = this.#result(false, trigger, 'the plan is another')
    else this.last = this.#result(this.broken === undefined, trigger, this.broken)
    return this.last
  }

  onReload(): () => void {
    return () => {}
  }
}
