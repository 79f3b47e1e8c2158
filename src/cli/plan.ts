import type { Command } from 'commander'
import type { PlanAnswer, ReloadResult } from '../admin/reloading.ts'
import { compose } from '../app/compose.ts'
import { plan } from '../config/plan.ts'
import type { Problem } from '../config/problem.ts'
import type { Config } from '../config/schema.ts'
import { type AdminAnswer, AdminClient, type AdminOptions, withAdmin } from './admin-client.ts'
import { EXIT } from './exit.ts'
import { planText } from './plan-text.ts'
import { countProblems, formatProblem } from './report.ts'
import type { Terminal } from './terminal.ts'

interface PlanOptions extends AdminOptions {
  readonly config: string
  readonly from?: string
  readonly json?: boolean
}

interface ApplyOptions extends AdminOptions {
  readonly hash?: string
  readonly json?: boolean
}

const PLAN_HELP = `
A running gateway compares what runs with its configuration as it is on disk now.
With --from, two files are compared and no gateway is asked.

  stop     the route is drained and closed
  start    a route begins
  swap     what lies behind the source changes; the source stays open
  restart  the route is drained, and its source is opened anew

Examples:
  $ sluice plan
  $ sluice plan --url http://10.0.0.7:8085 --token-file /run/secrets/admin
  $ sluice plan --from routes.yaml -c routes.new.yaml

Exit codes: 0 there is a plan, 1 the gateway refused, 2 the configuration cannot
be used, 3 no gateway answers.
`

const APPLY_HELP = `
Applies the configuration as it is on the gateway's disk. With --hash only if the
plan is still the one that \`sluice plan\` showed. What cannot be applied changes
nothing.

Examples:
  $ sluice apply --hash 3f2a9c0d1e5b7a84

Exit codes: 0 applied, 1 refused or rolled back, 2 the configuration cannot be
used, 3 no gateway answers.
`

export function addPlan(program: Command, terminal: Terminal, done: (code: number) => void): void {
  withAdmin(program.command('plan').description('say what applying the configuration would change'))
    .option('-c, --config <file>', 'with --from: the configuration to go to', 'routes.yaml')
    .option('--from <file>', 'compare with this configuration, instead of asking a gateway')
    .option('--json', 'print one JSON document')
    .addHelpText('after', PLAN_HELP)
    .action(async (options: PlanOptions) => done(await runPlan(options, terminal)))
}

export function addApply(program: Command, terminal: Terminal, done: (code: number) => void): void {
  withAdmin(program.command('apply').description('have a running gateway apply its configuration'))
    .option('--hash <hash>', 'only if the plan is still this one')
    .option('--json', 'print one JSON document')
    .addHelpText('after', APPLY_HELP)
    .action(async (options: ApplyOptions) => done(await runApply(options, terminal)))
}

async function runPlan(options: PlanOptions, terminal: Terminal): Promise<number> {
  if (options.from !== undefined) return compare(options.from, options, terminal)
  const answer = await new AdminClient(options, terminal).post('/api/plan')
  if (answer.status !== 200) return refused(answer, options, terminal)
  return showPlan(answer.body as unknown as PlanAnswer, options, terminal)
}

async function compare(from: string, options: PlanOptions, terminal: Terminal): Promise<number> {
  const configs: Config[] = []
  for (const file of [from, options.config]) {
    const { config, problems, secrets } = await compose(file, terminal.env)
    terminal.secrets.addAll(secrets)
    if (config === undefined) return showPlan({ ok: false, problems }, options, terminal)
    configs.push(config)
  }
  return showPlan({ ok: true, plan: plan(configs[0], configs[1]!), problems: [] }, options, terminal)
}

function showPlan(answer: PlanAnswer, { json, from }: PlanOptions, terminal: Terminal): number {
  if (json === true) terminal.print(JSON.stringify(answer, null, 2))
  else {
    show(answer.problems, terminal)
    if (!answer.ok) terminal.print(`There is no plan: ${countProblems(answer.problems)}.`)
    else {
      terminal.print(planText(answer.plan, terminal.paint))
      if (from === undefined && answer.plan.changes.length > 0)
        terminal.print(`Apply it with: sluice apply --hash ${answer.plan.hash}`)
    }
  }
  return answer.ok ? EXIT.ok : EXIT.invalid
}

async function runApply(options: ApplyOptions, terminal: Terminal): Promise<number> {
  const condition: Readonly<Record<string, string>> =
    options.hash === undefined ? {} : { 'if-match': `"${options.hash}"` }
  const answer = await new AdminClient(options, terminal).post('/api/apply', condition)
  // What was refused may come with its result.
  const result = (answer.status === 200 ? answer.body : answer.body['result']) as ReloadResult | undefined
  if (result === undefined) return refused(answer, options, terminal)
  if (options.json === true) terminal.print(JSON.stringify(result, null, 2))
  else {
    show(result.problems, terminal)
    if (result.plan !== undefined) terminal.print(planText(result.plan, terminal.paint))
    terminal.print(
      result.ok
        ? terminal.paint.green(`Applied. Version ${result.version} runs.`)
        : terminal.paint.red(`Not applied: ${result.error}. Version ${result.version} runs on.`),
    )
  }
  if (result.ok) return EXIT.ok
  return result.problems.some(({ severity }) => severity === 'error') ? EXIT.invalid : EXIT.runtime
}

function show(problems: readonly Problem[], terminal: Terminal): void {
  for (const problem of problems) terminal.print(`${formatProblem(problem, '', terminal.secrets, terminal.paint)}\n`)
}

// The gateway's own words, which say what to do (RFC 9457); else what another server says.
function refused({ url, status, body }: AdminAnswer, { json }: { json?: boolean }, terminal: Terminal) {
  if (json === true) terminal.print(JSON.stringify(body, null, 2))
  else {
    terminal.note(
      `${terminal.errorPaint.red('error')}: ${url} refused (${status}): ${body['detail'] ?? body['title'] ?? ''}`,
    )
    if (typeof body['hint'] === 'string') terminal.note(`  ${terminal.errorPaint.cyan('hint')}: ${body['hint']}`)
  }
  return EXIT.runtime
}
