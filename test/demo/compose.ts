import { join } from 'node:path'
import { must, run } from '../brokers/commands.ts'

const file = join(import.meta.dirname, '../../deploy/compose.yaml')

/** A service of deploy/compose.yaml. */
export type Service = 'rabbitmq' | 'kafka'

/** Where the services of deploy/compose.yaml answer. */
export const composeUrls = {
  rabbitmq: 'amqp://guest:guest@127.0.0.1:5672',
  kafka: 'kafka://127.0.0.1:9092',
} as const satisfies Record<Service, string>

const args = (...rest: readonly string[]) => ['compose', '--file', file, '--project-name', 'sluice-demo', ...rest]

/** Whether a Docker engine answers, and has Compose. */
export async function hasCompose(): Promise<boolean> {
  const engine = await run('docker', ['info'], { timeoutMs: 10_000 })
  return engine.code === 0 && (await run('docker', ['compose', 'version'], { timeoutMs: 10_000 })).code === 0
}

/** Starts the services and resolves when they are healthy. KitError where that does not succeed. */
export async function composeUp(services: readonly Service[]): Promise<void> {
  await must('Docker Compose could not start the brokers', 'docker', args('up', '--detach', '--wait', ...services))
}

export async function composeRestart(service: Service): Promise<void> {
  await must(`Docker Compose could not restart ${service}`, 'docker', args('restart', service))
  await composeUp([service])
}

/** Stops the services and deletes their data. */
export async function composeDown(): Promise<void> {
  await must('Docker Compose could not stop the brokers', 'docker', args('down', '--volumes'))
}
