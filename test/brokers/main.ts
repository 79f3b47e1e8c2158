import { argv, stderr, stdout } from 'node:process'
import { type Broker, findShared, startBroker } from './broker.ts'
import { variables } from './environment.ts'
import { type Kind, kinds } from './kinds.ts'
import { KitError } from './kit-error.ts'
import { reapOrphans } from './local.ts'

const usage = `node test/brokers/main.ts start|stop|status|env [${kinds.join('|')} ...]

start    start the shared brokers (all by default) and leave them running
stop     stop them
status   say which run, and where
env      print export lines for SLUICE_RABBITMQ_URL, SLUICE_KAFKA_URL and the others
`

/** The developer's hand on the shared brokers. Resolves to the exit code. */
async function main([command, ...names]: readonly string[]): Promise<number> {
  const unknown = names.find(name => !kinds.includes(name as Kind))
  if (unknown !== undefined) return fail(`No broker is called ${unknown}.\n\n${usage}`)
  const chosen = names.length > 0 ? (names as Kind[]) : kinds
  switch (command) {
    case 'start':
      return start(chosen)
    case 'stop':
      for (const kind of chosen) await findShared(kind)?.stop()
      await reapOrphans()
      return 0
    case 'status':
      for (const kind of chosen) print(kind, findShared(kind))
      return 0
    case 'env':
      for (const kind of chosen) {
        const broker = findShared(kind)
        if (broker) stdout.write(`export ${variables[kind]}='${broker.url}'\n`)
      }
      return 0
    default:
      return fail(usage)
  }
}

async function start(chosen: readonly Kind[]): Promise<number> {
  const results = await Promise.allSettled(
    chosen.map(async kind => print(kind, await startBroker(kind, { pinned: true, keep: true }))),
  )
  const failures = results.filter(result => result.status === 'rejected').map((result): unknown => result.reason)
  for (const reason of failures) fail(`${reason instanceof KitError ? reason.message : String(reason)}\n`)
  return failures.length > 0 ? 1 : 0
}

function print(kind: Kind, broker: Broker | undefined): void {
  if (!broker) return void stdout.write(`${kind}: not running\n`)
  const listeners = Object.entries(broker.listeners).map(([name, address]) => `${name} ${address}`)
  const management = broker.management ? `, management ${broker.management.url}` : ''
  const process = broker.pid > 0 ? `, pid ${broker.pid}` : `, from ${variables[kind]}`
  stdout.write(`${kind}: ${broker.url} (${listeners.join(', ')}${management}${process})\n`)
}

function fail(text: string): number {
  stderr.write(text)
  return 1
}

process.exitCode = await main(argv.slice(2))
