import { setTimeout as wait } from 'node:timers/promises'
import { type Command, Option } from 'commander'
import { labelled } from '../app/labelled-log.ts'
import { type Served, serve } from '../app/serve.ts'
import { version } from '../app/version.ts'
import type { Config } from '../config/schema.ts'
import { EXIT } from './exit.ts'
import { type CommonOptions, parsePort, parseWorkers, withCommon } from './options.ts'
import { prepare } from './prepare.ts'
import { onHangUp, onSignals } from './signals.ts'
import type { Terminal } from './terminal.ts'
import { alone, asWorker, report, runWorkers } from './workers.ts'

interface RunOptions extends CommonOptions {
  readonly failFast?: boolean
  readonly adminPort?: number
  readonly workers?: number
  /** Number of this worker, from 1 on; set by its parent. */
  readonly worker?: number
}

const HELP = `
A broker that is away holds its routes and nothing else: they go on when it is
back. SIGTERM or Ctrl-C stops receiving, finishes what is in flight
(shutdown.drain, 20s by default) and exits 0; a second one exits at once.
A configuration that changes on disk is applied while it runs (reload.watch);
SIGHUP has the same done at once. One that cannot be used changes nothing.

Examples:
  $ sluice run                          routes.yaml in this folder
  $ sluice run -c /etc/sluice/routes.yaml --log json
  $ sluice run --fail-fast              exit 3 when a route cannot start
  $ sluice run --workers 4              four processes, restarted if they end

The page is on http://127.0.0.1:8085, health on /readyz, metrics on /metrics
(admin.port).

Exit codes:
  0  stopped by a signal, everything in flight finished
  1  failed while running
  2  wrong usage, or a configuration that cannot be used
  3  the admin port is taken, or a route cannot start (--fail-fast)
`

export function addRun(program: Command, terminal: Terminal, done: (code: number) => void): void {
  withCommon(program.command('run').description('carry messages until stopped'))
    .option('--fail-fast', 'exit 3 when a route cannot start, instead of waiting for its broker')
    .option('--admin-port <port>', 'port for health and metrics instead of admin.port; 0 takes any free one', parsePort)
    .option('--workers <count>', 'carry messages in that many processes, 1 to 64, with one admin port', parseWorkers)
    .addOption(new Option('--worker <number>').argParser(Number).hideHelp())
    .addHelpText('after', HELP)
    .action(async (options: RunOptions) => done(await run(options, terminal)))
}

async function run(options: RunOptions, terminal: Terminal): Promise<number> {
  const prepared = await prepare(options, terminal)
  if (prepared === undefined) return EXIT.invalid
  const { modules } = prepared
  const { worker, workers } = options
  const chosen = (config: Config) => withAdminPort(config, options.adminPort)
  if (workers !== undefined && worker === undefined) {
    const config = chosen(prepared.config)
    const reasons = alone(config)
    for (const reason of reasons) terminal.note(`error: ${reason}\n  hint: Use \`store: { redis: { url } }\`.`)
    if (reasons.length > 0) return EXIT.invalid
    return runWorkers({ ...prepared, config }, { count: workers, failFast: options.failFast === true })
  }
  const override = (config: Config) => (worker === undefined ? chosen(config) : asWorker(config))
  const log = worker === undefined ? prepared.log : labelled(prepared.log, { worker })
  const stopping = Promise.withResolvers<string>()
  // Before anything is received: a signal at any time from here on drains.
  using _handlers = onSignals(signal => stopping.resolve(signal))
  let served: Served | undefined
  using _reload = onHangUp(() => void served?.reloader.apply('signal'))
  const { config: file } = options
  const { env, secrets } = terminal
  served = await serve({ composition: prepared, file, env, modules, override, secrets, log, logLevel: prepared.log })
  const routes = served.gateway.status.map(route => route.name)
  log.info({ version: version(), routes, admin: served.adminUrl }, 'started')
  if (worker !== undefined) report({ admin: served.adminUrl }, why => stopping.resolve(why))
  let code: number = EXIT.ok
  const over = new AbortController()
  if (options.failFast === true)
    void cannotStart(served, over.signal).then(reason => {
      if (reason === undefined) return
      code = EXIT.environment
      log.error({ route: reason.name, hint: reason.hint }, `cannot start: ${reason.message}`)
      stopping.resolve('--fail-fast')
    })
  const why = await stopping.promise
  over.abort()
  log.info({ drain: prepared.config.shutdown.drain }, `stopping on ${why}`)
  await served.stop()
  log.info({}, 'stopped')
  return code
}

function withAdminPort(config: Config, port: number | undefined): Config {
  if (port === undefined) return config
  return { ...config, admin: { host: '127.0.0.1', ...config.admin, port } }
}

const POLL_MS = 50

/** The first route that stands still before all have run, and why; undefined once all run. */
async function cannotStart(
  { gateway }: Served,
  signal: AbortSignal,
): Promise<{ name: string; message: string; hint: string } | undefined> {
  while (!signal.aborted) {
    for (const { name, conditions } of gateway.status) {
      const [condition] = conditions
      if (condition !== undefined) return { name, message: condition.message, hint: condition.hint }
    }
    if (gateway.status.every(route => route.state === 'running')) return undefined
    await wait(POLL_MS, undefined, { signal }).catch(() => undefined)
  }
  return undefined
}
