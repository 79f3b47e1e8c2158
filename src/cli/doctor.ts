import type { Command } from 'commander'
import { examine, type Section } from '../app/doctor.ts'
import { SluiceError } from '../core/errors.ts'
import type { Finding, Level } from '../core/finding.ts'
import { EXIT } from './exit.ts'
import { type CommonOptions, parseDuration, withCommon } from './options.ts'
import type { Paint } from './paint.ts'
import { prepare } from './prepare.ts'
import { abortOnSignals } from './signals.ts'
import type { Terminal } from './terminal.ts'

interface DoctorOptions extends CommonOptions {
  readonly route?: string
  readonly timeout: number
  readonly json?: boolean
}

const HELP = `
Logs in everywhere and looks at every queue, topic, stream and subscription:
is it there, is it what the route wants, does it keep what it confirms, do sizes
fit, does anything drop messages behind our back. Nothing is consumed, created or
changed, so what shows only with the first message is called unseen.

  ok      in order
  warn    works, and may lose messages or stand still one day; with what to do
  fail    keeps the route from running
  unseen  matters, and cannot be seen from here; look yourself

Examples:
  $ sluice doctor
  $ sluice doctor --route orders
  $ sluice doctor --json | jq '.sections[].findings[] | select(.level == "fail")'

Exit codes:
  0  nothing fails (warnings included)
  2  the configuration cannot be used
  3  something fails
`

export function addDoctor(program: Command, terminal: Terminal, done: (code: number) => void): void {
  withCommon(
    program.command('doctor').description('look whether brokers, queues and topics are ready, and change nothing'),
  )
    .option('--route <name>', 'only this route and its connections')
    .option('--timeout <duration>', 'longest wait for one answer', parseDuration, 30_000)
    .option('--json', 'print one JSON document')
    .addHelpText('after', HELP)
    .action(async (options: DoctorOptions) => done(await doctor(options, terminal)))
}

async function doctor(options: DoctorOptions, terminal: Terminal): Promise<number> {
  const { route, json, timeout: timeoutMs } = options
  const prepared = await prepare(options, terminal, 'error')
  if (prepared === undefined) return EXIT.invalid
  const { routes } = prepared.config
  if (route !== undefined && !routes.has(route))
    throw new SluiceError('OPTIONS_INVALID', `there is no route "${route}"`, {
      hint: `${options.config} has ${[...routes.keys()].join(', ')}.`,
    })
  using interrupt = abortOnSignals()
  const sections: Section[] = []
  for await (const section of examine({ ...prepared, route, timeoutMs }, interrupt.signal)) {
    sections.push(section)
    if (json !== true) terminal.print(sectionText(section, terminal.paint))
  }
  const counts = count(sections)
  if (json === true) terminal.print(JSON.stringify({ ok: counts.fail === 0, counts, sections }, null, 2))
  else terminal.print(`\n${summary(counts, terminal.paint)}`)
  return interrupt.exitCode() ?? (counts.fail > 0 ? EXIT.environment : EXIT.ok)
}

type Counts = Readonly<Record<Level, number>>

function count(sections: readonly Section[]): Counts {
  const counts = { ok: 0, warn: 0, fail: 0, unseen: 0 }
  for (const { level } of sections.flatMap(({ findings }) => findings)) counts[level]++
  return counts
}

function sectionText({ route, part, connection, driver, findings }: Section, paint: Paint): string {
  const where = connection === undefined ? '' : ` ${connection} (${driver})`
  const title = route === undefined ? `connection${where}` : `${route}${part === 'route' ? '' : `: ${part}${where}`}`
  return [paint.bold(title), ...findings.map(finding => findingText(finding, paint))].join('\n')
}

const INDENT = ' '.repeat(10)

function findingText({ level, subject, message, hint }: Finding, paint: Paint): string {
  const line = `  ${colour(level, paint)(level.padEnd(7))} ${subject}: ${message}`
  return hint === undefined ? line : `${line}\n${INDENT}${paint.cyan('hint')}: ${hint}`
}

function colour(level: Level, { green, yellow, red, dim }: Paint): (text: string) => string {
  return { ok: green, warn: yellow, fail: red, unseen: dim }[level]
}

function summary({ ok, warn, fail, unseen }: Counts, paint: Paint): string {
  const text = `${ok} ok, ${warn} to look at, ${fail} failed, ${unseen} unseen`
  return fail > 0 ? paint.red(text) : warn > 0 ? paint.yellow(text) : paint.green(text)
}
