import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import amqp from 'amqplib'
import { memoryMiB } from '../brokers/processes.ts'
import { kafkaClient } from '../streams/kafka-end.ts'
import { type Ends, emptyQueue, emptyTopic } from './load.ts'
import { writeRoutes, writeYaml } from './routes.ts'
import { stopped } from './run.ts'

export interface Idle {
  readonly routes: number
  /** As installed by npm or in the image. */
  readonly packaged: Rest
  /** As in the repository. */
  readonly source: Rest
  /** From the start of the process until a waiting message of RabbitMQ is in Kafka, ms; the median of five. */
  readonly firstMessageMs: number
}

export interface Rest {
  /** Resident memory after a minute without a message, MiB. */
  readonly residentMiB: number
  /** CPU time of that minute's second half, in percent of one core. */
  readonly cpuPercent: number
}

const ROUTES = 100
const SETTLE = 30_000
const STARTS = 5
const TICKS_PER_SECOND = 100

/** What a gateway with nothing to do costs, and how soon one that is started carries. */
export async function idle(ends: Ends): Promise<Idle> {
  const name = `idle.${Date.now()}`
  await emptyTopic(ends.kafka, name)
  const routes = writeYaml(ends, routesOf(name))
  const source = await rest(start(routes))
  const folder = pack()
  const packaged = await rest(start(routes, folder)).finally(() => rmSync(folder, { recursive: true }))
  const starts: number[] = []
  for (let n = 0; n < STARTS; n++) starts.push(await firstMessage(ends, `${name}.${n}`))
  const firstMessageMs = Math.round(starts.toSorted((a, b) => a - b)[Math.floor(STARTS / 2)]!)
  return { routes: ROUTES, packaged, source, firstMessageMs }
}

async function rest(gateway: ChildProcess): Promise<Rest> {
  try {
    await pause(SETTLE)
    const before = ticks(gateway.pid!)
    await pause(SETTLE)
    const cpuPercent = ((ticks(gateway.pid!) - before) / TICKS_PER_SECOND / (SETTLE / 1000)) * 100
    const residentMiB = Math.round(memoryMiB(gateway.pid!))
    await stopped(gateway)
    return { residentMiB, cpuPercent: Math.round(cpuPercent * 10) / 10 }
  } finally {
    gateway.kill('SIGKILL')
  }
}

/** Routes that take turns in where they come from and where they go to; each makes what it needs. */
function routesOf(name: string): string {
  const places = {
    shop: [`queue: ${name}.N`, `queue: ${name}.N.out`],
    log: [
      `topic: ${name}, group: ${name}.N, from: latest`,
      `topic: ${name}.out, create: { partitions: 1, replication: 1 }`,
    ],
    bus: [`subject: ${name}.N`, `subject: ${name}.N.out`],
    pulsar: [`topic: ${name}.N, subscription: idle`, `topic: ${name}.N.out`],
  } as const
  const names = Object.keys(places) as (keyof typeof places)[]
  return Array.from({ length: ROUTES }, (_, i) => {
    const [from, to] = [names[i % 4]!, names[(i + 1 + Math.floor(i / 4)) % 4]!]
    const place = (which: typeof from, end: 0 | 1) =>
      `{ connection: ${which}, ${places[which][end].replaceAll('N', String(i))} }`
    return `  r${i}:\n    from: ${place(from, 0)}\n    to: ${place(to, 1)}\n`
  }).join('')
}

async function firstMessage(ends: Ends, name: string): Promise<number> {
  await emptyTopic(ends.kafka, name)
  await emptyQueue(ends.rabbitmq, name)
  const connection = await amqp.connect(ends.rabbitmq)
  const channel = await connection.createConfirmChannel()
  channel.sendToQueue(name, Buffer.from('first'), { persistent: true, headers: { user_id: 'u' } })
  await channel.waitForConfirms()
  const admin = kafkaClient(ends.kafka).admin()
  await admin.connect()
  const began = performance.now()
  const gateway = start(writeRoutes('rabbitmq-kafka', ends, name))
  try {
    for (;;) {
      const offsets = await admin.fetchTopicOffsets(name)
      if (offsets.some(({ high }) => high !== '0')) return performance.now() - began
      await pause(10)
    }
  } finally {
    await stopped(gateway)
    await admin.disconnect()
    await connection.close()
  }
}

const ROOT = join(import.meta.dirname, '../..')

/** A folder with the program as `npm pack` has it. */
function pack(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-package-'))
  execFileSync(process.execPath, [join(ROOT, 'deploy/npm/build.js')], { stdio: 'inherit' })
  mkdirSync(join(folder, 'src/cli'), { recursive: true })
  // The packages, too: to look through a link to 1,800 modules takes 10 MiB.
  for (const part of ['dist', 'package.json', 'src/cli/sluice.js', 'node_modules'])
    cpSync(join(ROOT, part), join(folder, part), { recursive: true })
  return folder
}

/** The program itself, as a user starts it. */
function start(file: string, root = ROOT): ChildProcess {
  const args = [join(root, 'src/cli/sluice.js'), 'run', '-c', file, '--log', 'json']
  return spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
}

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

/** User and system time, fields 14 and 15 of proc(5). */
function ticks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}
