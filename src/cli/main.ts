import { Command, CommanderError } from 'commander'
import { version } from '../app/version.ts'
import { addCheck } from './check.ts'
import { flushOutputs, watchOutputs } from './closed-output.ts'
import { addDlq } from './dlq.ts'
import { addDoctor } from './doctor.ts'
import { EXIT, exitCodeOf } from './exit.ts'
import { addInit } from './init.ts'
import { addApply, addPlan } from './plan.ts'
import { addRun } from './run.ts'
import { addSchema } from './schema.ts'
import { addTap } from './tap.ts'
import { Terminal } from './terminal.ts'
import { addTest } from './test.ts'
import { addTop } from './top.ts'
import { addVersion } from './version.ts'

const HELP = `
Examples:
  $ sluice init             write a first routes.yaml
  $ sluice check            say what is wrong with routes.yaml
  $ sluice test             test its routes, without brokers
  $ sluice doctor           look whether the brokers are ready for it
  $ sluice run              carry messages
  $ sluice plan             say what a changed routes.yaml would do to it
  $ sluice top              watch the routes of a running gateway
  $ sluice dlq list orders  look at the messages that could not go on

Exit codes: 0 done, 1 failed while running, 2 wrong usage or configuration,
3 a broker or a port refuses.
`

/** The whole program: runs the command and ends the process with its exit code. */
export async function main(args: readonly string[]): Promise<never> {
  const terminal = new Terminal()
  const die = (error: unknown) => {
    terminal.fail(error, isDebug(args))
    process.exit(EXIT.runtime)
  }
  process.on('uncaughtException', die)
  process.on('unhandledRejection', die)
  watchOutputs()
  process.exit(await flushOutputs(await runCommandLine(args, terminal)))
}

/** Parses the command line, runs the command, and says what its exit code is. Never throws. */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<number> {
  let code: number = EXIT.ok
  const done = (result: number) => {
    code = result
  }
  try {
    await createProgram(terminal, done).parseAsync([...args], { from: 'user' })
    return code
  } catch (error) {
    // commander has said already what is wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.invalid
    terminal.fail(error, isDebug(args))
    return exitCodeOf(error)
  }
}

const isDebug = (args: readonly string[]): boolean => /(^| )--log-level[= ]debug( |$)/.test(args.join(' '))

function createProgram(terminal: Terminal, done: (code: number) => void): Command {
  const program = new Command('sluice')
    .description('A gateway between message brokers that does not lose messages.')
    .version(version(), '-V, --version', 'print the version')
    .exitOverride()
    .configureOutput({
      writeOut: text => terminal.print(text.replace(/\n$/, '')),
      writeErr: text => terminal.note(text.replace(/\n$/, '')),
    })
    .addHelpText('after', HELP)
  const first = [addInit, addRun, addCheck, addTest, addDoctor]
  const running = [addPlan, addApply, addTop, addTap, addDlq]
  for (const add of [...first, ...running, addSchema, addVersion]) add(program, terminal, done)
  explainErrors(program, 'sluice')
  return program
}

// One line: what is wrong, what was probably meant, where to read on.
function explainErrors(command: Command, path: string): void {
  command.configureOutput({ outputError: (text, write) => write(`${oneLine(text)} See \`${path} --help\`.\n`) })
  for (const below of command.commands) explainErrors(below, `${path} ${below.name()}`)
}

const oneLine = (text: string): string =>
  text
    .trim()
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\(Did you mean (.+?)\?\)$/, '(did you mean $1?)')
    .replace(/(?<!\.)$/, '.')
