import { KitError } from '../brokers/kit-error.ts'
import { announcement, getBrokers, stopAllKept } from './brokers.ts'
import { type DemoOptions, parseOptions, usage } from './options.ts'
import { Screen } from './screen.ts'
import { show } from './show.ts'

const EXIT = { kept: 0, broken: 1, usage: 2, noBrokers: 3, interrupted: 130 } as const

process.exit(await main(process.argv.slice(2)))

async function main(args: readonly string[]): Promise<number> {
  let options: DemoOptions
  try {
    options = parseOptions(args)
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n\n${usage}`)
    return EXIT.usage
  }
  if (options.help) {
    process.stdout.write(usage)
    return EXIT.kept
  }
  using screen = new Screen()
  const stopping = new AbortController()
  const interrupted = () => {
    if (stopping.signal.aborted) return
    screen.waiting('Stopping and cleaning up')
    stopping.abort(new Error('stopped'))
  }
  process.on('SIGINT', interrupted)
  process.on('SIGTERM', interrupted)
  try {
    if (options.stop) return await stop(screen)
    return (await demo(options, screen, stopping.signal)) ? EXIT.kept : EXIT.broken
  } catch (error) {
    screen.rest()
    if (stopping.signal.aborted) {
      screen.line('Stopped. Nothing was left running.')
      return EXIT.interrupted
    }
    screen.line()
    screen.line(`${screen.paint.red('The demo cannot go on.')} ${messageOf(error)}`)
    return error instanceof KitError ? EXIT.noBrokers : EXIT.broken
  }
}

async function demo(options: DemoOptions, screen: Screen, signal: AbortSignal): Promise<boolean> {
  const { bold, dim } = screen.paint
  screen.line(bold('Sluice: RabbitMQ to Kafka, with accidents on the way'))
  screen.line()
  screen.waiting(announcement())
  const brokers = await getBrokers(options.keep, ({ title, url, origin }) => {
    const shown = url.replace(/:[^:@/]*@/, '@')
    screen.event('good', `${title.padEnd(13)} ${shown.padEnd(30)} ${dim(origin)}`)
  })
  let keep = false
  try {
    signal.throwIfAborted()
    const kept = await show(options, brokers, screen, signal)
    keep = options.keep
    return kept
  } finally {
    if (keep) goOn(brokers, screen)
    else {
      if (Object.values(brokers).some(broker => broker.restart !== undefined)) screen.waiting('Stopping the brokers')
      for (const broker of Object.values(brokers)) await broker[Symbol.asyncDispose]()
      screen.rest()
    }
  }
}

function goOn(brokers: Awaited<ReturnType<typeof getBrokers>>, screen: Screen): void {
  const { bold, dim } = screen.paint
  const commands = [
    [`export SLUICE_RABBITMQ_URL='${brokers.rabbitmq.url}'`, ''],
    [`export SLUICE_KAFKA_URL='${brokers.kafka.url}'`, ''],
    ['npx sluice run -c routes.yaml', 'Ctrl-C stops it'],
    ['npx sluice dlq list orders', 'the poison, with reasons'],
  ] as const
  screen.line()
  screen.line('The brokers stay up. Go on with:')
  screen.line()
  for (const [command, note] of commands)
    screen.line(
      `  ${bold(command)}${note === '' ? '' : `${' '.repeat(Math.max(2, 36 - command.length))}${dim(`# ${note}`)}`}`,
    )
  screen.line()
  screen.line('And when you have seen enough:')
  screen.line()
  screen.line(`  ${bold('npm run demo -- --stop')}`)
}

async function stop(screen: Screen): Promise<number> {
  screen.waiting('Stopping the brokers')
  const stopped = await stopAllKept()
  screen.rest()
  screen.line(stopped.length === 0 ? 'No broker of the demo was up.' : `Stopped: ${stopped.join(', ')}.`)
  return EXIT.kept
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
