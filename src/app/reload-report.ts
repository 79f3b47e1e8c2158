import { Gauge, type Registry } from 'prom-client'
import type { ReloadResult } from '../admin/reloading.ts'
import type { Plan } from '../config/plan.ts'
import type { Log } from '../core/ports.ts'

/** Problems of one attempt that are logged one by one; the API has all of them. */
const MOST_PROBLEMS = 20

/** What Prometheus is told about reloads, in Prometheus' own words. */
export class ReloadMetrics {
  readonly #successful: Gauge
  readonly #at: Gauge

  constructor(registry: Registry) {
    this.#successful = new Gauge({
      name: 'sluice_config_last_reload_successful',
      help: '1 = the last attempt to apply a configuration succeeded',
      registers: [registry],
    })
    this.#at = new Gauge({
      name: 'sluice_config_last_reload_success_timestamp_seconds',
      help: 'When a configuration was last applied, at the start or later',
      registers: [registry],
    })
  }

  note({ ok, at }: ReloadResult): void {
    this.#successful.set(ok ? 1 : 0)
    if (ok) this.#at.set(Date.parse(at) / 1000)
  }
}

/** One line for what was applied, and one for each thing that is wrong; warnings that were there before are known. */
export function tell(result: ReloadResult, before: ReloadResult, log: Log): void {
  const { ok, trigger, version, plan, problems, error } = result
  const known = new Set(before.problems.map(problem => problem.message))
  const news = problems.filter(({ severity, message }) => severity === 'error' || !known.has(message))
  for (const { severity, file, line, col, message, hint } of news.slice(0, MOST_PROBLEMS)) {
    const place = line > 0 ? `${file}:${line}:${col}: ` : ''
    log[severity === 'error' ? 'error' : 'warn']({ file, line, col, hint }, `${place}${message}`)
  }
  const fields = { trigger, version, hash: plan?.hash }
  if (ok) {
    log.info(fields, `configuration applied: ${inWords(plan)}`)
    const late = plan?.process ?? []
    if (late.length > 0)
      log.warn({ paths: late }, `${late.join(', ')} changed: that takes effect when the gateway is started anew`)
    return
  }
  const errors = problems.filter(problem => problem.severity === 'error').length
  const more = errors > MOST_PROBLEMS ? ` (${errors} errors, the first ${MOST_PROBLEMS} are above)` : ''
  log.error(fields, `configuration not applied: ${error ?? 'it was refused'}${more}`)
}

/** `stop a, swap b, restart c and d`. */
export function inWords(plan: Plan | undefined): string {
  const kinds = ['stop', 'start', 'swap', 'restart'] as const
  const parts = kinds.flatMap(kind => {
    const names = (plan?.changes ?? []).filter(change => change.kind === kind).map(change => change.route)
    return names.length === 0 ? [] : [`${kind} ${names.join(' and ')}`]
  })
  return parts.length === 0 ? 'no route changes' : parts.join(', ')
}
