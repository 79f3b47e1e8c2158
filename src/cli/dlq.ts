import { type Command, Option } from 'commander'
import { ERRORS } from '../core/error-table.ts'
import { SluiceError } from '../core/errors.ts'
import { type BoxProgress, DeadLetterBox, type RedriveOptions } from '../engine/dead-letter-box.ts'
import type { DeadLetterFilter } from '../engine/letter.ts'
import { EXIT } from './exit.ts'
import { letterJson, letterLine, letterPage } from './letter-text.ts'
import {
  type CommonOptions,
  collect,
  parseCount,
  parseDuration,
  parseHeader,
  parseRate,
  withCommon,
} from './options.ts'
import { prepare } from './prepare.ts'
import { abortOnSignals } from './signals.ts'
import type { Terminal } from './terminal.ts'

interface DlqOptions extends CommonOptions {
  readonly reason?: readonly string[]
  readonly id?: readonly string[]
  readonly olderThan?: number
  readonly newerThan?: number
  readonly limit?: number
  readonly json?: boolean
  readonly dryRun?: boolean
  readonly all?: boolean
  readonly rate?: number
  readonly setHeader?: readonly (readonly [string, string])[]
}

const HELP = `
Dead letters carry the message as it was received, and why it could not go on.
Redriving sends them through the route's transforms to its target again, under a
new id, and takes each one out only when the target has confirmed it. What fails
again becomes a new dead letter. Ages count from the last failure.

Examples:
  $ sluice dlq list orders --reason VALIDATION_FAILED --newer-than 1h
  $ sluice dlq show orders --id 4711
  $ sluice dlq redrive orders --older-than 10m --rate 100/s --dry-run
  $ sluice dlq redrive orders --set-header repaired=yes
  $ sluice dlq purge orders --reason LOOP

Exit codes: 0 done, 1 some failed again, 2 wrong usage or configuration,
3 a broker refuses or is away.
`

type Action = 'list' | 'show' | 'redrive' | 'purge'

export function addDlq(program: Command, terminal: Terminal, done: (code: number) => void): void {
  const dlq = program
    .command('dlq')
    .description('look at dead letters, send them again, remove them')
    .addHelpText('after', HELP)
  const add = (action: Action, description: string): Command =>
    withFilter(
      withCommon(
        dlq.command(action).description(description).argument('<route>', 'route whose dead letters are meant'),
      ),
    )
      .addHelpText('after', HELP)
      .action(async (route: string, options: DlqOptions) => done(await dlqCommand(action, route, options, terminal)))
  add('list', 'one line per dead letter, oldest first').option('--json', 'one JSON document per line')
  add('show', 'everything about each dead letter, headers and body').option('--json', 'one JSON document per line')
  add('redrive', 'send dead letters through the route again')
    .option('--dry-run', 'only count what would be sent')
    .option('--rate <rate>', 'at most so many per time, e.g. 100/s', parseRate)
    .option('--set-header <name=value>', 'set a header on the way (repeatable)', parseHeader)
    .option('--json', 'print the counts as JSON')
  add('purge', 'remove dead letters for good')
    .option('--dry-run', 'only count what would be removed')
    .option('--all', 'really everything; needed where nothing else says which')
    .option('--json', 'print the counts as JSON')
}

function withFilter(command: Command): Command {
  return command
    .addOption(new Option('--reason <code>', 'only with this error code (repeatable)').argParser(collect))
    .addOption(new Option('--id <id>', 'only the message with this id (repeatable)').argParser(collect))
    .addOption(
      new Option('--older-than <duration>', 'last failure at least so long ago, e.g. 10m').argParser(parseDuration),
    )
    .addOption(
      new Option('--newer-than <duration>', 'last failure at most so long ago, e.g. 1h').argParser(parseDuration),
    )
    .addOption(new Option('--limit <number>', 'at most so many').argParser(parseCount))
}

async function dlqCommand(action: Action, route: string, options: DlqOptions, terminal: Terminal): Promise<number> {
  const filter = filterOf(options)
  if (action === 'purge' && options.all !== true && Object.keys(filter).length === 0)
    throw new SluiceError('OPTIONS_INVALID', 'purge would remove every dead letter of the route', {
      hint: 'Say which (--reason, --id, --older-than, …), or --all if that is meant.',
    })
  const prepared = await prepare(options, terminal, 'warn')
  if (prepared === undefined) return EXIT.invalid
  const { routes } = prepared.config
  if (!routes.has(route))
    throw new SluiceError('OPTIONS_INVALID', `there is no route "${route}"`, {
      hint: `${options.config} has ${[...routes.keys()].join(', ')}.`,
    })
  const box = new DeadLetterBox({ ...prepared, route })
  try {
    return await act(action, box, filter, options, terminal)
  } catch (error) {
    // A queue that is declared with its first letter: where it is missing, there is none.
    if (!(error instanceof SluiceError) || error.code !== 'ADDRESS_MISSING') throw error
    terminal.note(`0 dead letters: ${error.message}`)
    return EXIT.ok
  }
}

async function act(
  action: Action,
  box: DeadLetterBox,
  filter: DeadLetterFilter,
  options: DlqOptions,
  terminal: Terminal,
): Promise<number> {
  using interrupt = abortOnSignals()
  if (action === 'list' || action === 'show') await look(action, box, filter, options, terminal, interrupt.signal)
  else {
    const changes: RedriveOptions = {
      dryRun: options.dryRun,
      rate: options.rate,
      setHeaders: options.setHeader,
      onProgress: count => terminal.progress(progressLine(count, interrupt.signal.aborted)),
    }
    const count = await box[action](filter, changes, interrupt.signal)
    terminal.print(options.json === true ? JSON.stringify(count) : resultLine(action, count, options.dryRun === true))
    if (count.failed > 0) return EXIT.runtime
  }
  return interrupt.exitCode() ?? EXIT.ok
}

function filterOf({ reason, id, olderThan, newerThan, limit }: DlqOptions): DeadLetterFilter {
  for (const code of reason ?? [])
    if (!(code in ERRORS))
      throw new SluiceError('OPTIONS_INVALID', `there is no error code ${code}`, { hint: 'docs/errors.md lists them.' })
  const filter = { reasons: reason, ids: id, olderThanMs: olderThan, newerThanMs: newerThan, limit }
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined))
}

async function look(
  action: 'list' | 'show',
  box: DeadLetterBox,
  filter: DeadLetterFilter,
  options: DlqOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  let count = 0
  for await (const letter of box.list(filter, signal)) {
    count++
    if (options.json === true) terminal.print(JSON.stringify(letterJson(letter, action === 'show')))
    else
      terminal.print(
        action === 'show' ? letterPage(letter, terminal.paint) : letterLine(letter, terminal.paint, terminal.width),
      )
  }
  if (options.json !== true) terminal.note(count === 1 ? '1 dead letter.' : `${count} dead letters.`)
}

function progressLine({ seen, matched, done, failed }: BoxProgress, stopping: boolean): string {
  return `${seen} seen, ${matched} matched, ${done} done, ${failed} failed again${stopping ? ', stopping …' : ''}`
}

function resultLine(
  action: 'redrive' | 'purge',
  { seen, matched, done, failed }: BoxProgress,
  dryRun: boolean,
): string {
  const verb = action === 'redrive' ? 'redriven' : 'purged'
  if (dryRun) return `${matched} of ${seen} dead letters would be ${verb}.`
  return `${done} of ${matched} matching dead letters ${verb}${failed > 0 ? `, ${failed} failed again` : ''} (${seen} seen).`
}
