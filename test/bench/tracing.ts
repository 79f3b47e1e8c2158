import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Ends, emptyQueue, emptyTopic, fillQueue } from './load.ts'
import { writeRoutes } from './routes.ts'
import { type Run, runChild } from './run.ts'

/** Runs of RabbitMQ → Kafka, by what is traced. */
export type Traced = Readonly<Record<TracedShare, readonly Run[]>>
export type TracedShare = (typeof SHARES)[number]

/** Off: no variable of OpenTelemetry is set. The others: the share of the messages whose trace is sampled. */
export const SHARES = ['off', '1 %', 'all'] as const

const SAMPLED: Readonly<Record<TracedShare, string | undefined>> = { off: undefined, '1 %': '0.01', all: '1' }

/** What traces cost the gateway. They go to a server that takes them and throws them away. */
export async function tracing(ends: Ends, messages: number, rounds: number): Promise<Traced> {
  const collector = createServer((request, response) => request.resume().on('end', () => response.end('{}')))
  await new Promise<void>(resolve => collector.listen(0, '127.0.0.1', resolve))
  const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`
  const runs: Record<TracedShare, Run[]> = { off: [], '1 %': [], all: [] }
  try {
    for (let round = 0; round < rounds; round++)
      for (const share of SHARES) {
        const name = `bench.traced.${Date.now()}`
        await emptyTopic(ends.kafka, name)
        await fillQueue(ends.rabbitmq, name, messages)
        const args = [writeRoutes('rabbitmq-kafka', ends, name), String(messages)]
        runs[share].push(await runChild('gateway.ts', args, { env: environment(endpoint, SAMPLED[share]) }))
        await emptyQueue(ends.rabbitmq, name)
      }
  } finally {
    collector.close()
  }
  return runs
}

function environment(endpoint: string, share: string | undefined): NodeJS.ProcessEnv {
  if (share === undefined) return {}
  return {
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: share,
  }
}
