import type { AdminParts } from '../admin/app.ts'
import { AdminServer } from '../admin/server.ts'
import type { Config } from '../config/schema.ts'
import type { Secrets } from '../config/secrets.ts'
import type { Log } from '../core/ports.ts'
import { milliseconds } from '../core/schema.ts'
import { Gateway } from '../engine/gateway.ts'
import type { Composition } from './compose.ts'
import { FileWatch } from './file-watch.ts'
import { IdleMemory } from './idle-memory.ts'
import type { PluginModules } from './plugin-modules.ts'
import { ReloadMetrics } from './reload-report.ts'
import { Reloader } from './reloader.ts'
import { openTracing } from './tracing.ts'
import { version } from './version.ts'

export interface ServeOptions extends Pick<AdminParts, 'logLevel'> {
  /** The configuration as it was composed, and where from. */
  readonly composition: Composition
  readonly file: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly modules: PluginModules
  /** The configuration that is to run: the composed one, with what the command line says instead. */
  readonly override: (config: Config) => Config
  /** Where the secrets of later configurations go. */
  readonly secrets: Secrets
  readonly log: Log
}

/** A running gateway with its admin port. */
export interface Served {
  readonly gateway: Gateway
  readonly reloader: Reloader
  /** Where health, metrics, the API and the page are; undefined under `admin: false`. */
  readonly adminUrl: string | undefined
  /** Stops receiving, drains within `shutdown.drain`, closes in reverse order. */
  stop(): Promise<void>
}

/**
 * Gateway, admin port and what watches the configuration. The composition has a config. Throws PORT_IN_USE before anything is
 * received; a broker that is away throws nothing.
 */
export async function serve(options: ServeOptions): Promise<Served> {
  const { composition, override, secrets, env, logLevel, log } = options
  const { registry, baseDir } = composition
  const config = override(composition.config!)
  const tracing = await openTracing(env, log)
  const gateway = new Gateway({ config, registry, log, baseDir, tracing })
  const metrics = new ReloadMetrics(gateway.telemetry.registry)
  const reloading = new Reloader({ ...options, gateway, metrics })
  const redact = (text: string) => secrets.redact(text)
  const parts = { gateway, version: version(), reloading, logLevel, redact }
  const admin = config.admin === false ? undefined : await AdminServer.listen(config.admin, gateway, log, parts)
  gateway.start()
  const idle = new IdleMemory({ received: () => gateway.status.reduce((sum, { received }) => sum + received, 0) })
  const watch = config.reload.watch
    ? new FileWatch({
        paths: () => reloading.files,
        changed: () => reloading.apply('file'),
        unsettled: () => !reloading.last.ok,
        since: composition.readAt,
        log,
      })
    : undefined
  return {
    gateway,
    reloader: reloading,
    adminUrl: admin?.url,
    async stop() {
      idle[Symbol.dispose]()
      const watched = watch?.[Symbol.asyncDispose]()
      await gateway.stop(milliseconds(config.shutdown.drain))
      await watched
      // Last: probes and a final scrape see the draining.
      await admin?.[Symbol.asyncDispose]()
      await tracing?.[Symbol.asyncDispose]()
    },
  }
}
