import { type Composition, compose } from '../app/compose.ts'
import { createLog, type LeveledLog, type LogLevel } from '../app/log.ts'
import { PluginModules } from '../app/plugin-modules.ts'
import type { Config } from '../config/schema.ts'
import type { CommonOptions } from './options.ts'
import { countProblems, formatProblem } from './report.ts'
import type { Terminal } from './terminal.ts'

export interface Prepared extends Composition {
  readonly config: Config
  /** Its plug-ins were loaded with these. */
  readonly modules: PluginModules
  readonly log: LeveledLog
}

/**
 * Reads the configuration for a command that acts on it, writing what is wrong to standard error. Undefined when there are
 * errors. Throws CONFIG_MISSING.
 */
export async function prepare(
  options: CommonOptions,
  terminal: Terminal,
  level?: LogLevel,
): Promise<Prepared | undefined> {
  const modules = new PluginModules()
  const composition = await compose(options.config, terminal.env, { modules })
  const { problems, source, config, secrets } = composition
  terminal.secrets.addAll(secrets)
  for (const problem of problems)
    terminal.note(`${formatProblem(problem, source.textOf(problem.file), secrets, terminal.errorPaint)}\n`)
  if (config === undefined) {
    terminal.note(`${options.config} cannot be used: ${countProblems(problems)}.`)
    return undefined
  }
  return { ...composition, config, modules, log: logFor(options, terminal, config, level) }
}

/** The log as the command line, else the configuration, else the terminal wants it. */
export function logFor(
  options: CommonOptions,
  terminal: Terminal,
  config: Config | undefined,
  least: LogLevel = 'info',
): LeveledLog {
  const wanted = options.log ?? (config === undefined || config.log.format === 'auto' ? undefined : config.log.format)
  const format = wanted ?? (terminal.interactive ? 'text' : 'json')
  const configured = config === undefined || config.log.level === 'info' ? least : config.log.level
  return createLog({
    level: options.logLevel ?? configured,
    format: format === 'json' ? 'json' : terminal.errorPaint,
    redact: line => terminal.secrets.redact(line),
    write: line => terminal.logLine(line),
  })
}
