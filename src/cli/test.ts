import { dirname } from 'node:path'
import { type Command, Option } from 'commander'
import { createLog, type LogLevel } from '../app/log.ts'
import { demandTests, type FileResult, runTests } from '../app/route-tests/run-tests.ts'
import { demandFiles, testFilesIn } from '../app/route-tests/test-source.ts'
import { EXIT } from './exit.ts'
import { parseDuration } from './options.ts'
import { abortOnSignals } from './signals.ts'
import type { Terminal } from './terminal.ts'
import { fileReport, summaryLine } from './test-report.ts'
import { watchTests } from './test-watch.ts'

interface TestOptions {
  readonly config?: string
  readonly route?: string
  readonly watch?: boolean
  readonly json?: boolean
  readonly timeout: number
  readonly logLevel?: LogLevel
}

const HELP = `
Sends the messages of a test through the route as \`sluice run\` would: transforms,
plug-ins, dedup, batches and windows, limits of size, dead letters. Brokers are
stood in for: none is needed, none is asked. NAME.test.yaml tests NAME.yaml.

  # routes.test.yaml
  version: 1
  tests:
    - name: a user's order goes to Kafka by the user
      route: orders
      given: { headers: { user_id: u-1 }, body: { total: 12 } }
      expect:
        messages:
          - { key: u-1, to: { topic: shop.orders }, body: { total: 12 } }
    - name: free orders are filtered
      route: orders
      given: { body: { total: 0 } }
      expect: nothing

Everything a test can say: docs/testing-routes.md; for editors, sluice schema --tests.

Examples:
  $ sluice test                         every *.test.yaml in this folder
  $ sluice test routes.test.yaml --route orders
  $ sluice test --watch                 again whenever a file changes

Exit codes:
  0  all passed
  1  some failed
  2  the tests, or the configuration, cannot be used
`

export function addTest(program: Command, terminal: Terminal, done: (code: number) => void): void {
  program
    .command('test')
    .description('test routes without brokers: given messages, expected messages')
    .argument('[files...]', 'files of tests; default: every *.test.yaml beside the configuration')
    .option('-c, --config <file>', 'configuration to test; default: the one the tests are named after')
    .option('--route <name>', 'only tests of this route')
    .option('-w, --watch', 'run again when a file changes')
    .option('--json', 'print one JSON document')
    .addOption(
      new Option('--timeout <duration>', 'longest time for one test').argParser(parseDuration).default(10_000, '10s'),
    )
    .addOption(
      new Option('--log-level <level>', 'also show what plug-ins log').choices(['debug', 'info', 'warn', 'error']),
    )
    .addHelpText('after', HELP)
    .action(async (files: readonly string[], options: TestOptions) => {
      if (options.watch === true) return done(await watch(files, options))
      done(await test(files, options, terminal))
    })
}

async function test(named: readonly string[], options: TestOptions, terminal: Terminal): Promise<number> {
  const { config, route, timeout } = options
  const folder = folderOf(config)
  const files = named.length > 0 ? named : demandFiles(testFilesIn(folder), folder)
  const log = createLog({
    level: options.logLevel ?? 'error',
    format: terminal.errorPaint,
    redact: line => terminal.secrets.redact(line),
    write: line => terminal.logLine(line),
  })
  const results: FileResult[] = []
  for (const file of files) {
    const result = await runTests(file, { config, env: terminal.env, route, log, timeoutMs: timeout })
    results.push(result)
    if (result.secrets !== undefined) terminal.secrets.addAll(result.secrets)
    if (options.json !== true) terminal.print(fileReport(result, terminal.paint))
  }
  demandTests(results, route)
  const code = codeOf(results)
  if (options.json === true)
    terminal.print(JSON.stringify({ ok: code === EXIT.ok, files: results.map(asJson) }, null, 2))
  else terminal.print(summaryLine(results, terminal.paint))
  return code
}

function codeOf(results: readonly FileResult[]): number {
  if (results.some(({ problems }) => problems.length > 0)) return EXIT.invalid
  return results.some(({ results: tests }) => tests.some(one => one.differences.length > 0)) ? EXIT.runtime : EXIT.ok
}

function asJson({ file, config, problems, results }: FileResult): object {
  return { file, config, problems: problems.map(([problem]) => problem), tests: results }
}

async function watch(files: readonly string[], options: TestOptions): Promise<number> {
  const args = process.argv.slice(2).filter(arg => arg !== '--watch' && arg !== '-w')
  using interrupt = abortOnSignals()
  await watchTests(args, [folderOf(options.config), ...files.map(folderOf)], interrupt.signal)
  return EXIT.ok
}

const folderOf = (file: string | undefined): string => (file === undefined ? '.' : dirname(file))
