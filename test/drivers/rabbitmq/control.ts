import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Broker } from '../../brokers/broker.ts'
import { must } from '../../brokers/commands.ts'
import { inside } from '../../brokers/debian-root.ts'
import { home } from '../../brokers/home.ts'
import { directory } from '../../brokers/instances.ts'

/** Runs rabbitmqctl beside a private broker of the kit, in that broker's own environment. */
export function rabbitmqctl(broker: Broker, ...args: readonly string[]): Promise<void> {
  return runTool('rabbitmqctl', broker, args)
}

/** The same with rabbitmq-plugins. */
export function rabbitmqPlugins(broker: Broker, ...args: readonly string[]): Promise<void> {
  return runTool('rabbitmq-plugins', broker, args)
}

async function runTool(tool: string, broker: Broker, args: readonly string[]): Promise<void> {
  const dir = directory(broker.kind, broker.instance)
  const environment = readFileSync(join(dir, 'server.sh'), 'utf8').replace(/^exec .*$/m, '')
  const script = join(dir, 'control.sh')
  writeFileSync(script, `${environment}exec /usr/lib/rabbitmq/bin/${tool} ${args.map(arg => `'${arg}'`).join(' ')}\n`)
  const root = join(home, broker.kind === 'rabbitmq4' ? 'debian-trixie' : 'debian-bookworm')
  const [command, rest] = inside(root, script)
  await must(`${tool} ${args.join(' ')} failed`, command, rest, { env: { PATH: process.env['PATH'] ?? '' } })
}
