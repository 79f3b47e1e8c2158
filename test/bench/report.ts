import type { Backlog } from './backlog.ts'
import type { Idle } from './idle.ts'
import type { Latencies } from './latency.ts'
import type { BenchOptions } from './options.ts'
import type { Run } from './run.ts'
import type { Throughput } from './throughput.ts'
import { SHARES, type Traced } from './tracing.ts'

export interface Report {
  readonly throughputs: readonly Throughput[]
  readonly traced: Traced | undefined
  readonly latencies: Latencies | undefined
  readonly resting: Idle | undefined
  readonly backlog: Backlog | undefined
  readonly options: BenchOptions
}

const median = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
const perCpu = (run: Run) => run.messages / run.cpuSeconds
const perSecond = (run: Run) => run.messages / run.wallSeconds
const k = (number: number) => (number / 1000).toFixed(1)

function summary(runs: readonly Run[]) {
  return {
    perCpuSecond: Math.round(median(runs.map(perCpu))),
    perSecond: Math.round(median(runs.map(perSecond))),
    peakMiB: median(runs.map(run => run.peakMiB)),
    all: runs.map(run => Math.round(perCpu(run))),
  }
}

export function printReport(report: Report): void {
  const { throughputs, traced, latencies, resting, backlog, options } = report
  const pairs = throughputs.map(({ pair, bare, sluice }) => {
    const [ours, theirs] = [summary(sluice), summary(bare)]
    return { pair, sluice: ours, bare: theirs, share: ours.perCpuSecond / theirs.perCpuSecond }
  })
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ pairs, traced, latencies, resting, backlog, options }, undefined, 2)}\n`)
    return
  }
  const lines = ['', `1 KB messages, durable, ${options.messages} a run, medians of ${options.rounds} rounds`, '']
  for (const { pair, sluice, bare, share } of pairs)
    lines.push(
      `${pair}: Sluice ${k(sluice.perCpuSecond)} k per CPU-second (${k(sluice.perSecond)} k/s, peak ${sluice.peakMiB} MiB), ` +
        `bare loop ${k(bare.perCpuSecond)} (${k(bare.perSecond)} k/s): ${Math.round(share * 100)} %`,
      `  runs: Sluice ${sluice.all.map(k).join(' ')} · bare ${bare.all.map(k).join(' ')}`,
    )
  if (traced !== undefined)
    for (const share of SHARES) {
      const { perCpuSecond, all } = summary(traced[share])
      lines.push(`rabbitmq-kafka, traces ${share}: ${k(perCpuSecond)} k per CPU-second (${all.map(k).join(' ')})`)
    }
  if (latencies !== undefined)
    for (const [way, name] of [
      ['sluice', 'RabbitMQ → Sluice → Kafka consumer'],
      ['bare', 'RabbitMQ → bare loop → Kafka consumer'],
      ['straight', 'straight into Kafka'],
    ] as const)
      lines.push(`latency at 1,000 msg/s, ${name}: p50 ${latencies[way].p50} ms, p99 ${latencies[way].p99} ms`)
  if (resting !== undefined)
    lines.push(
      `${resting.routes} routes on four brokers without a message: ` +
        `as packaged ${resting.packaged.residentMiB} MiB and ${resting.packaged.cpuPercent} % of a core, ` +
        `from the source ${resting.source.residentMiB} MiB and ${resting.source.cpuPercent} %; from start to the first message in Kafka: ${resting.firstMessageMs} ms`,
    )
  if (backlog !== undefined)
    lines.push(
      `target stopped for ${backlog.seconds} s, ${backlog.waiting} messages waiting: peak ${backlog.peakMiB} MiB, at the end ${backlog.endMiB} MiB`,
    )
  process.stdout.write(`${lines.join('\n')}\n`)
}
