import { setTimeout as wait } from 'node:timers/promises'
import type { Command } from 'commander'
import { SluiceError } from '../core/errors.ts'
import { AdminClient, type AdminOptions, withAdmin } from './admin-client.ts'
import { EXIT } from './exit.ts'
import { parseCount } from './options.ts'
import { Screen } from './screen.ts'
import { abortOnSignals } from './signals.ts'
import type { Terminal } from './terminal.ts'
import { statusLines, type TopStatus } from './top-text.ts'

interface TopOptions extends AdminOptions {
  readonly count?: number
}

const HELP = `
Shows the routes of a running gateway: state, messages per second, latency, lag,
messages in flight, age of the oldest, ordering keys that wait, dead letters.
On a terminal q quits; else each second is written below the last.

Examples:
  $ sluice top
  $ sluice top --url http://gateway:8085 --token-file /run/secrets/admin
  $ sluice top --count 1 | cat         once, as plain text

Exit codes: 0 done, 2 wrong usage, 3 no gateway answers or the token is refused.
`

/** Between two attempts to find a gateway again that has gone, in ms. */
const AGAIN = 1_000

export function addTop(program: Command, terminal: Terminal, done: (code: number) => void): void {
  withAdmin(program.command('top').description('watch the routes of a running gateway'))
    .option('--count <number>', 'stop after so many looks', parseCount)
    .addHelpText('after', HELP)
    .action(async (options: TopOptions) => done(await top(options, terminal)))
}

async function top({ count = Number.POSITIVE_INFINITY, ...options }: TopOptions, terminal: Terminal): Promise<number> {
  const client = new AdminClient(options, terminal)
  using interrupt = abortOnSignals()
  if (terminal.width !== undefined && terminal.input.isTTY === true)
    return (await watch(client, count, terminal, interrupt.signal)) ?? interrupt.exitCode() ?? EXIT.ok
  let looks = 0
  for await (const { data } of client.events('/api/events', interrupt.signal)) {
    for (const line of statusLines(data as TopStatus, client.url, terminal.paint, terminal.width)) terminal.print(line)
    if (++looks >= count) break
    terminal.print('')
  }
  return interrupt.exitCode() ?? EXIT.ok
}

async function watch(
  client: AdminClient,
  count: number,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number | undefined> {
  const screen = new Screen(terminal)
  const until = AbortSignal.any([signal, screen.quit])
  let lines: readonly string[] = []
  try {
    for (let looks = 0; looks < count && !until.aborted; ) {
      try {
        for await (const { data } of client.events('/api/events', until)) {
          lines = statusLines(data as TopStatus, client.url, terminal.paint, terminal.width)
          screen.draw([...lines, '', terminal.paint.dim('q quits')])
          if (++looks >= count) break
        }
      } catch (error) {
        if (until.aborted) break
        // One that was never there is a mistake; one that has gone may be restarting.
        if (lines.length === 0 || !(error instanceof SluiceError) || error.fate === 'fatal') throw error
        screen.draw([terminal.paint.red(`${error.message}; trying again, q quits`), ...lines.slice(1)])
      }
      if (looks < count) await wait(AGAIN, undefined, { signal: until }).catch(() => undefined)
    }
  } finally {
    screen[Symbol.dispose]()
  }
  return screen.quit.aborted ? EXIT.ok : undefined
}
