import { version } from '../app/version.ts'
import type { WorkerStarted } from '../app/worker.ts'
import { Workers } from '../app/workers.ts'
import type { Config, RouteConfig } from '../config/schema.ts'
import { milliseconds } from '../core/schema.ts'
import { EXIT } from './exit.ts'
import type { Prepared } from './prepare.ts'
import { onSignals } from './signals.ts'

export interface WorkersRun {
  readonly count: number
  readonly failFast: boolean
}

/** The configuration as a worker has it: its own health on loopback, for its parent alone. */
export function asWorker(config: Config): Config {
  return { ...config, admin: { redact: [], ...config.admin, host: '127.0.0.1', port: 0 } }
}

/** What keeps a configuration from running in several processes, one sentence per route. */
export function alone(config: Config): readonly string[] {
  return [...config.routes.values()]
    .filter(route => route.enabled)
    .flatMap(route =>
      usesFile(route) ? [`route ${route.name} has a store of the kind \`file\`, which belongs to one process`] : [],
    )
}

function usesFile({ dedup, transform }: RouteConfig): boolean {
  const stores = transform.map(step => (step.options as { store?: { name?: unknown } } | null)?.store?.name)
  return dedup?.store === 'file' || stores.includes('file')
}

/** Runs `count` workers until a signal; resolves with the exit code. Throws PORT_IN_USE. */
export async function runWorkers({ config, log, secrets }: Prepared, { count, failFast }: WorkersRun): Promise<number> {
  const stopping = Promise.withResolvers<{ why: string; code: number }>()
  let workers: Workers | undefined
  using _handlers = onSignals(
    signal => stopping.resolve({ why: signal, code: EXIT.ok }),
    signal => workers?.signal(signal),
  )
  workers = await Workers.start({
    count,
    admin: config.admin,
    program: process.execPath,
    args: worker => [
      ...process.execArgv,
      process.argv[1]!,
      ...withoutCount(process.argv.slice(2)),
      '--worker',
      String(worker),
    ],
    log,
    logLevel: log,
    drainMs: milliseconds(config.shutdown.drain),
    redact: text => secrets.redact(text),
    ended: code => {
      if (!failFast || code !== EXIT.environment) return false
      stopping.resolve({ why: '--fail-fast', code })
      return true
    },
  })
  const hangUp = () => workers.signal('SIGHUP')
  process.on('SIGHUP', hangUp)
  log.info({ version: version(), workers: count, admin: workers.adminUrl }, 'started')
  const { why, code } = await stopping.promise
  log.info({ drain: config.shutdown.drain }, `stopping all workers on ${why}`)
  const worst = await workers.stop()
  process.off('SIGHUP', hangUp)
  log.info({}, 'stopped')
  return code === EXIT.ok ? worst : code
}

// The workers get the same command line, and with it the same files and log.
function withoutCount(args: readonly string[]): readonly string[] {
  return args.filter((arg, i) => arg !== '--workers' && !arg.startsWith('--workers=') && args[i - 1] !== '--workers')
}

/** Tells the parent where this worker's health is, and calls `stop` when the parent is gone. */
export function report(started: WorkerStarted, stop: (why: string) => void): void {
  if (process.send === undefined) return
  const end = () => stop('the end of its parent')
  if (!process.connected) return end()
  process.once('disconnect', end)
  // It may be gone before it has heard of this.
  process.send(started, undefined, undefined, error => {
    if (error !== null) end()
  })
}
