import type { Command } from 'commander'
import { type Composition, compose } from '../app/compose.ts'
import type { Config } from '../config/schema.ts'
import { asSluiceError } from '../core/errors.ts'
import { EXIT } from './exit.ts'
import { type CommonOptions, withCommon } from './options.ts'
import { logFor } from './prepare.ts'
import { countProblems, formatProblem } from './report.ts'
import { abortOnSignals } from './signals.ts'
import type { Terminal } from './terminal.ts'

interface CheckOptions extends CommonOptions {
  readonly connect?: boolean
  readonly json?: boolean
}

const CONNECT_TIMEOUT_MS = 30_000

const HELP = `
Shows every problem at once, each with its place and what to do. Changes nothing
and, without --connect, opens no connection. Environment variables and secret
files that the connections name have to be there.

Examples:
  $ sluice check
  $ sluice check -c routes.yaml --connect     also log in at every broker
  $ sluice check --json | jq '.problems[].message'

Exit codes:
  0  the configuration can be used (warnings included)
  2  it cannot
  3  a broker could not be reached or refused (--connect)
`

export function addCheck(program: Command, terminal: Terminal, done: (code: number) => void): void {
  withCommon(program.command('check').description('say what is wrong with the configuration'))
    .option('--connect', 'also open every connection')
    .option('--json', 'print one JSON document')
    .addHelpText('after', HELP)
    .action(async (options: CheckOptions) => done(await check(options, terminal)))
}

interface Reached {
  readonly name: string
  readonly driver: string
  readonly ok: boolean
  readonly milliseconds: number
  readonly code?: string
  readonly message?: string
  readonly hint?: string
}

async function check(options: CheckOptions, terminal: Terminal): Promise<number> {
  const composition = await compose(options.config, terminal.env)
  const { config, problems, source, secrets } = composition
  terminal.secrets.addAll(secrets)
  const reached =
    config !== undefined && options.connect === true ? await connect(composition, config, options, terminal) : []
  if (options.json === true) {
    const connections = options.connect === true ? { connections: reached } : {}
    terminal.print(
      JSON.stringify(
        { file: options.config, ok: config !== undefined && reached.every(one => one.ok), problems, ...connections },
        null,
        2,
      ),
    )
  } else {
    for (const problem of problems)
      terminal.print(`${formatProblem(problem, source.textOf(problem.file), secrets, terminal.paint)}\n`)
    terminal.print(summary(options.config, composition, terminal))
    for (const one of reached) terminal.print(connectionLine(one, terminal))
  }
  if (config === undefined) return EXIT.invalid
  return reached.every(one => one.ok) ? EXIT.ok : EXIT.environment
}

function summary(file: string, { config, problems }: Composition, { paint }: Terminal): string {
  if (config === undefined) return paint.red(`${file} cannot be used: ${countProblems(problems)}.`)
  const warnings = problems.length > 0 ? `, ${countProblems(problems)}` : ''
  return `${paint.green(`${file} is fine`)}: ${count(config.routes.size, 'route')}, ${count(config.connections.size, 'connection')}${warnings}.`
}

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`

// All at once: the slowest broker, not the sum, decides how long it takes.
async function connect(
  { registry, baseDir }: Composition,
  config: Config,
  options: CheckOptions,
  terminal: Terminal,
): Promise<Reached[]> {
  const log = logFor(options, terminal, config, 'error')
  using interrupt = abortOnSignals()
  const one = async (name: string): Promise<Reached> => {
    const { driver, options: settings } = config.connections.get(name)!
    const began = performance.now()
    const took = () => Math.round(performance.now() - began)
    try {
      await using connection = registry.drivers.get(driver)!.connect(settings, { name, baseDir, log })
      await connection.check(AbortSignal.any([interrupt.signal, AbortSignal.timeout(CONNECT_TIMEOUT_MS)]))
      return { name, driver, ok: true, milliseconds: took() }
    } catch (error) {
      const { code, message, hint } = asSluiceError(error)
      return { name, driver, ok: false, milliseconds: took(), code, message, hint }
    }
  }
  return Promise.all([...config.connections.keys()].map(one))
}

function connectionLine({ name, driver, ok, milliseconds, code, message, hint }: Reached, { paint }: Terminal): string {
  if (ok) return `  ${paint.green('ok')}      ${name} (${driver}, ${milliseconds} ms)`
  return `  ${paint.red('failed')}  ${name} (${driver}): ${code}: ${message}\n          ${paint.cyan('hint')}: ${hint}`
}
