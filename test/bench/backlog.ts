import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { memoryMiB } from '../brokers/processes.ts'
import { type Ends, emptyTopic, fillQueue } from './load.ts'
import { writeRoutes } from './routes.ts'

export interface Backlog {
  readonly waiting: number
  readonly seconds: number
  /** Resident memory of the gateway, MiB: its peak, and at the end. */
  readonly peakMiB: number
  readonly endMiB: number
}

const SECONDS = 60

/** Memory of a gateway whose target is stopped while messages wait in its source. */
export async function memory(ends: Ends, waiting: number, stopTarget: () => Promise<void>): Promise<Backlog> {
  const name = `bench.backlog.${Date.now()}`
  await emptyTopic(ends.kafka, name)
  await fillQueue(ends.rabbitmq, name, waiting)
  const gateway = spawn(
    process.execPath,
    [join(import.meta.dirname, 'gateway.ts'), writeRoutes('rabbitmq-kafka', ends, name)],
    {
      stdio: ['ignore', 'inherit', 'ignore'],
    },
  )
  try {
    // It runs first, so that its buffers are as full as they get; then the target goes away under load.
    await new Promise(resolve => setTimeout(resolve, 3_000))
    await stopTarget()
    let endMiB = 0
    for (let second = 0; second < SECONDS; second++) {
      await new Promise(resolve => setTimeout(resolve, 1_000))
      endMiB = Math.round(memoryMiB(gateway.pid!))
    }
    return { waiting, seconds: SECONDS, peakMiB: Math.round(memoryMiB(gateway.pid!, 'VmHWM')), endMiB }
  } finally {
    gateway.kill('SIGKILL')
  }
}
