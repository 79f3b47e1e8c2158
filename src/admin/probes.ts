import type { Hono } from 'hono'
import { describe } from '../core/errors.ts'

/** An answer to a probe: whether it is well, and what else is told. */
interface Health {
  readonly ok: boolean
}

/** What the server asks a gateway, or several together, for their health. */
export interface Probes {
  /** Every route makes progress. */
  live(): Health | Promise<Health>
  /** Every route takes messages. */
  ready(): Health | Promise<Health>
  /** The text Prometheus scrapes. */
  metrics(): Promise<string>
}

const JSON_TYPE = 'application/json; charset=utf-8'
const TEXT_TYPE = 'text/plain; charset=utf-8'
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** `/livez`, `/readyz` and `/metrics`, open to everybody who reaches the port. */
export function mountProbes(app: Hono, probes: Probes): void {
  app.get('/livez', async context => {
    const { ok, ...rest } = await probes.live()
    const body = { status: ok ? 'live' : 'stuck', ...rest }
    return context.body(`${JSON.stringify(body)}\n`, ok ? 200 : 503, { 'content-type': JSON_TYPE })
  })
  app.get('/readyz', async context => {
    const { ok, ...rest } = await probes.ready()
    const body = { status: ok ? 'ready' : 'not ready', ...rest }
    return context.body(`${JSON.stringify(body)}\n`, ok ? 200 : 503, { 'content-type': JSON_TYPE })
  })
  app.get('/metrics', async context => {
    try {
      return context.body(await probes.metrics(), 200, { 'content-type': METRICS_TYPE })
    } catch (error) {
      return context.body(`${describe(error)}\n`, 500, { 'content-type': TEXT_TYPE })
    }
  })
}
