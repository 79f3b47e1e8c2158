import { type Context, Hono } from 'hono'
import type { AdminConfig } from '../config/admin-schema.ts'
import type { Log } from '../core/ports.ts'
import type { Gateway } from '../engine/gateway.ts'
import { AccessControl } from './access.ts'
import { Api, callerOf } from './api.ts'
import { configEndpoints } from './config-endpoints.ts'
import type { Endpoint } from './endpoint.ts'
import { KeyedLock } from './keyed-lock.ts'
import { letterEndpoints } from './letter-endpoints.ts'
import { type LogLevelControl, logEndpoints } from './log-endpoints.ts'
import { openApi } from './openapi.ts'
import { pageFiles } from './page-files.ts'
import { mountProbes, type Probes } from './probes.ts'
import { NameRedactor } from './redaction.ts'
import { Refusal } from './refusal.ts'
import type { Reloading } from './reloading.ts'
import { routeEndpoints } from './route-endpoints.ts'
import { RouteViews } from './route-view.ts'
import { Sampler } from './sampler.ts'
import { streams } from './streams.ts'
import { type WorkerParts, workerEndpoints } from './worker-endpoints.ts'
import { mountPass } from './worker-pass.ts'

/** What the API works on. */
export interface AdminParts {
  readonly gateway: Gateway
  /** Of this package. */
  readonly version: string
  /** Absent: this gateway cannot be given another configuration. */
  readonly reloading?: Reloading | undefined
  readonly logLevel?: LogLevelControl | undefined
  /** Hides secrets in a text. */
  redact(text: string): string
}

export interface AppOptions {
  readonly config: Exclude<AdminConfig, false>
  readonly probes: Probes
  readonly log: Log
  /** Of a gateway, or of several workers that are shown as one. */
  readonly parts: AdminParts | WorkerParts | undefined
  readonly closing: AbortSignal
}

// Nothing from elsewhere, nothing inline, in nobody's frame.
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
}

/** Everything that is served, as one function of requests. Disposing of it ends its timers. */
export function adminApp(options: AppOptions): Hono & Disposable {
  const { config, probes, log, parts, closing } = options
  const app = new Hono({ strict: true })
  app.use(async (context, next) => {
    await next()
    for (const [name, value] of Object.entries(HEADERS)) context.res.headers.set(name, value)
  })
  mountProbes(app, probes)
  const own = parts !== undefined && 'gateway' in parts ? parts : undefined
  const workers = parts !== undefined && 'doors' in parts ? parts : undefined
  const sampler = own && new Sampler(own.gateway)
  const access = new AccessControl(config)
  const endpoints = own && sampler ? endpointsOf(config, own, sampler) : workers ? workerEndpoints(workers) : []
  const redact = (text: string) => parts?.redact(text) ?? text
  const api = new Api({ endpoints, access, log, redact, closing })
  api.mount(app)
  if (parts !== undefined) mountPage(app, api, access)
  if (own !== undefined) mountDescription(app, api, access, openApi(endpoints, own.version))
  if (workers !== undefined) mountPass(app, api, access, workers.doors, closing)
  app.notFound(context => api.refuse(context, missing(app, context)))
  app.onError((error, context) => api.refuse(context, error))
  return Object.assign(app, { [Symbol.dispose]: () => sampler?.[Symbol.dispose]() })
}

function endpointsOf(config: Exclude<AdminConfig, false>, parts: AdminParts, sampler: Sampler): Endpoint[] {
  const { gateway, reloading, logLevel } = parts
  const views = new RouteViews(gateway, sampler)
  const lock = new KeyedLock()
  const redactor = new NameRedactor(config.redact)
  return [
    ...routeEndpoints({ gateway, views, sampler, lock }),
    ...letterEndpoints({ gateway, views, lock, redactor }),
    ...configEndpoints({ gateway, reloading }),
    ...logEndpoints(logLevel),
    ...streams({ gateway, views, reloading, redactor }),
  ]
}

const JSON_HEADERS = { 'content-type': 'application/json; charset=utf-8' }

// The page and the description hold nothing of this gateway: who may read what, the API decides.
function opener(app: Hono, api: Api, access: AccessControl) {
  return (path: string, answer: (context: Context) => Response) =>
    app.get(path, context => {
      try {
        access.origin({ ...callerOf(context), site: undefined })
        return answer(context)
      } catch (error) {
        return api.refuse(context, error)
      }
    })
}

function mountPage(app: Hono, api: Api, access: AccessControl): void {
  const open = opener(app, api, access)
  for (const [path, { type, bytes }] of pageFiles())
    open(path, context => context.body(bytes, 200, { 'content-type': type }))
  open('/api/access', context => context.body(api.text(access.open), 200, JSON_HEADERS))
}

function mountDescription(app: Hono, api: Api, access: AccessControl, description: object): void {
  const text = `${JSON.stringify(description)}\n`
  opener(app, api, access)('/api/openapi.json', context => context.body(text, 200, JSON_HEADERS))
}

// What is there for another method is 405.
function missing(app: Hono, context: Context): Refusal {
  const { path, method } = context.req
  const others = app.routes.filter(route => route.method !== 'ALL' && matches(route.path, path))
  if (others.length === 0) return new Refusal('NOT_FOUND', `there is nothing at ${path}`)
  const allowed = [...new Set(others.map(route => route.method))]
  context.header('allow', allowed.join(', '))
  return new Refusal('METHOD_NOT_ALLOWED', `${method} is not one of ${allowed.join(', ')}`)
}

function matches(pattern: string, path: string): boolean {
  const [want, have] = [pattern.split('/'), path.split('/')]
  return want.length === have.length && want.every((part, i) => part.startsWith(':') || part === have[i])
}
