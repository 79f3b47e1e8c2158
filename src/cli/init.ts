import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Command, Option } from 'commander'
import { BROKERS, type BrokerName } from '../app/init/brokers.ts'
import { type Answers, type End, firstFiles, variables } from '../app/init/files.ts'
import { SluiceError } from '../core/errors.ts'
import { EXIT } from './exit.ts'
import { Questions } from './questions.ts'
import type { Terminal } from './terminal.ts'

interface InitOptions {
  readonly config: string
  readonly from?: BrokerName
  readonly to?: BrokerName
  readonly fromUrl?: string
  readonly toUrl?: string
  readonly source?: string
  readonly target?: string
  readonly route?: string
  readonly yes?: boolean
  readonly force?: boolean
}

const NAMES = Object.keys(BROKERS) as BrokerName[]
const NAME = /^[A-Za-z][\w.-]{0,62}$/

const HELP = `
Asks where messages come from and where they go, and writes a commented
routes.yaml with a routes.test.yaml beside it. What the flags say is not asked;
--yes, or a standard input that is no terminal, asks nothing. Nothing that exists
is overwritten without --force. Passwords do not belong into the file: the urls
are read from the environment (RABBITMQ_URL, KAFKA_URL, NATS_URL, PULSAR_URL).

Examples:
  $ sluice init
  $ sluice init --from rabbitmq --to kafka --yes
  $ sluice init --from kafka --source shop.orders --to jetstream --target orders -c shop/routes.yaml

Exit codes: 0 written, 2 wrong usage, or a file is there already.
`

export function addInit(program: Command, terminal: Terminal, done: (code: number) => void): void {
  program
    .command('init')
    .description('write a first routes.yaml and its tests')
    .option('-c, --config <file>', 'file to write', 'routes.yaml')
    .addOption(new Option('--from <broker>', 'kind of broker to read from').choices(NAMES))
    .addOption(new Option('--to <broker>', 'kind of broker to write to').choices(NAMES))
    .option('--source <name>', 'queue, topic or subject to read; default: orders')
    .option('--target <name>', 'queue, topic or subject to write; default: as the source')
    .option('--from-url <url>', 'where the source is, without a password')
    .option('--to-url <url>', 'where the target is, without a password')
    .option('--route <name>', 'name of the route; default: as the source')
    .option('-y, --yes', 'ask nothing, take the defaults')
    .option('--force', 'overwrite files that exist')
    .addHelpText('after', HELP)
    .action(async (options: InitOptions) => done(await init(options, terminal)))
}

async function init(options: InitOptions, terminal: Terminal): Promise<number> {
  const { config, force = false } = options
  const testsFile = join(
    dirname(config),
    `${config
      .split(/[/\\]/)
      .at(-1)!
      .replace(/\.ya?ml$/, '')}.test.yaml`,
  )
  // Before anything is asked: answers must not be in vain.
  if (!force) for (const file of [config, testsFile]) refuseExisting(file)
  using questions = new Questions(options.yes !== true && process.stdin.isTTY === true)
  const answers = await ask(options, questions)
  const files = firstFiles(answers)
  mkdirSync(dirname(config), { recursive: true })
  writeFileSync(config, files.config, { flag: force ? 'w' : 'wx' })
  writeFileSync(testsFile, files.tests, { flag: force ? 'w' : 'wx' })
  const where = config === 'routes.yaml' ? '' : ` -c ${config}`
  terminal.print(`${terminal.paint.green('wrote')} ${config} and ${testsFile}

Next:
  1. Say where the brokers are: ${variables(answers).join(', ')} in the environment, or the defaults in the file.
  2. sluice check${where}     is the file in order?
  3. sluice test ${where === '' ? '' : testsFile}     do the routes do what they should? (no broker needed)
  4. sluice doctor${where}    are the brokers ready for it?
  5. sluice run${where}       carries messages`)
  return EXIT.ok
}

function refuseExisting(file: string): void {
  if (!existsSync(file)) return
  throw new SluiceError('OPTIONS_INVALID', `${file} exists already`, {
    hint: 'Name another file with -c, or overwrite it with --force.',
  })
}

async function ask(options: InitOptions, questions: Questions): Promise<Answers> {
  const from = options.from ?? (await questions.choose('Where do messages come from?', titles(), missing('--from')))
  const source = named(options.source ?? (await questions.text(`Which ${BROKERS[from].place}?`, 'orders')), '--source')
  const fromUrl = url(options.fromUrl ?? (await questions.text('Where is it?', BROKERS[from].url)), from, '--from-url')
  const to = options.to ?? (await questions.choose('Where do they go?', titles(), missing('--to')))
  const target = named(
    options.target ?? (await questions.text(`Which ${BROKERS[to].place}?`, elsewhere(from, to, source))),
    '--target',
  )
  const toUrl = url(
    options.toUrl ?? (await questions.text('Where is it?', from === to ? fromUrl : BROKERS[to].url)),
    to,
    '--to-url',
  )
  const route = named(options.route ?? (await questions.text('What is the route called?', source)), '--route')
  const end = (broker: BrokerName, address: string, name: string): End => ({ broker, url: address, name })
  return { route, from: end(from, fromUrl, source), to: end(to, toUrl, target) }
}

const titles = (): readonly (readonly [BrokerName, string])[] => NAMES.map(name => [name, BROKERS[name].title])

// A message that goes where it comes from would go round for ever.
const elsewhere = (from: BrokerName, to: BrokerName, source: string): string =>
  BROKERS[from].variable === BROKERS[to].variable ? `${source}.copy` : source

const missing = (flag: string): SluiceError =>
  new SluiceError('OPTIONS_INVALID', `${flag} is missing`, {
    hint: `One of ${NAMES.join(', ')}; on a terminal init asks.`,
  })

function named(name: string, flag: string): string {
  if (NAME.test(name)) return name
  throw new SluiceError('OPTIONS_INVALID', `${flag}: "${name}" cannot be used as a name here`, {
    hint: 'Letters, digits, dots, dashes and underscores, at most 63, a letter first; other names can be written into the file later.',
  })
}

function url(text: string, broker: BrokerName, flag: string): string {
  const { schemes, url: usual, variable } = BROKERS[broker]
  const hint = `E.g. ${usual}`
  if (!schemes.some(scheme => text.startsWith(`${scheme}://`)) || /["'\s\\$]/.test(text))
    throw new SluiceError('OPTIONS_INVALID', `${flag}: the url does not begin with ${schemes.join(':// or ')}://`, {
      hint,
    })
  if (/:\/\/[^/]*:[^/]*@/.test(text) && text !== usual)
    throw new SluiceError('OPTIONS_INVALID', `${flag}: the url holds a password, which does not belong into a file`, {
      hint: `Leave it out here, and give the whole url in ${variable} when Sluice runs.`,
    })
  return text
}
