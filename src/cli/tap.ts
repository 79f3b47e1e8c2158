import type { Command } from 'commander'
import type { MessageView } from '../admin/message-view.ts'
import type { Stumble } from '../engine/tap.ts'
import { AdminClient, type AdminOptions, withAdmin } from './admin-client.ts'
import { EXIT } from './exit.ts'
import { parseCount } from './options.ts'
import type { Paint } from './paint.ts'
import { oneLine, printable } from './printable.ts'
import { abortOnSignals } from './signals.ts'
import type { Terminal } from './terminal.ts'

interface TapOptions extends AdminOptions {
  readonly count?: number
  readonly rate: number
  readonly body: number
  readonly json?: boolean
}

interface Tapped {
  readonly at: string
  readonly before: MessageView
  readonly after: readonly MessageView[]
  readonly failure?: Stumble
}

const HELP = `
Shows a sample of the messages that pass a route of a running gateway, before
and after its transforms. Headers and fields with names such as password or
token, and those of admin.redact, are hidden. Messages are not touched. One
that fails in a transform is shown with the reason.

Examples:
  $ sluice tap orders
  $ sluice tap orders --count 1 --json | jq .after[0].body.json

Exit codes: 0 done, 2 wrong usage or no such route, 3 no gateway answers or the
token is refused.
`

export function addTap(program: Command, terminal: Terminal, done: (code: number) => void): void {
  withAdmin(program.command('tap').description('look at messages as they pass a route of a running gateway'))
    .argument('<route>', 'route to look at')
    .option('--count <number>', 'stop after so many messages', parseCount)
    .option('--rate <number>', 'most messages per second, 1 to 50', parseCount, 10)
    .option('--body <number>', 'most characters of a body, up to 65536', parseCount, 4_096)
    .option('--json', 'one JSON document per line')
    .addHelpText('after', HELP)
    .action(async (route: string, options: TapOptions) => done(await tap(route, options, terminal)))
}

async function tap(route: string, options: TapOptions, terminal: Terminal): Promise<number> {
  const { count = Number.POSITIVE_INFINITY, rate, body, json } = options
  const client = new AdminClient(options, terminal)
  using interrupt = abortOnSignals()
  const path = `/api/routes/${encodeURIComponent(route)}/tap?rate=${rate}&body=${body}`
  let seen = 0
  while (seen < count && !interrupt.signal.aborted) {
    for await (const { event, data } of client.events(path, interrupt.signal)) {
      if (event !== 'message') continue
      if (json === true) terminal.print(JSON.stringify(data))
      else terminal.print(tappedText(data as Tapped, terminal.paint))
      if (++seen >= count) break
    }
    // It ends by itself when the route is started anew: the next one is that of the new route.
  }
  return interrupt.exitCode() ?? EXIT.ok
}

function tappedText({ at, before, after, failure }: Tapped, paint: Paint): string {
  const parts = [`${paint.dim(at)} ${paint.bold(oneLine(before.id))}`, messageText('before', before, paint)]
  if (failure !== undefined) {
    const next = failure.again ? 'it is tried again' : 'it is put aside'
    parts.push(paint.red(`failed  ${oneLine(`${failure.code}: ${failure.message}`)}: ${next}`))
  } else if (after.length === 0) parts.push(paint.yellow('after   dropped by the transforms'))
  for (const [index, message] of after.entries())
    parts.push(messageText(after.length > 1 ? `after ${index + 1}` : 'after', message, paint))
  return `${parts.join('\n')}\n`
}

function messageText(title: string, { subject, key, headers, body }: MessageView, paint: Paint): string {
  const facts = [`subject=${subject}`, ...(key === null ? [] : [`key=${key}`])]
  const named = headers.map(({ name, value }) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  const shown =
    body.bytes === null
      ? 'no body (a tombstone)'
      : body.json !== undefined
        ? JSON.stringify(body.json)
        : (body.text ?? `base64 ${body.base64}`)
  const head = oneLine([...facts, ...named].join(' '))
  return `${paint.cyan(title.padEnd(7))} ${head}\n        ${printable(shown)}${body.cut === true ? ' … cut' : ''}`
}
