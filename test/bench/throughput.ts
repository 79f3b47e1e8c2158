import { type Ends, emptyQueue, emptyTopic, fillQueue, fillTopic } from './load.ts'
import type { Pair, Place } from './options.ts'
import { emptyPulsar, fillPulsar } from './pulsar-topics.ts'
import { writeRoutes } from './routes.ts'
import { type Run, runChild } from './run.ts'
import { emptyStream, fillStream } from './streams.ts'

export interface Throughput {
  readonly pair: Pair
  readonly bare: readonly Run[]
  readonly sluice: readonly Run[]
}

const fill = { rabbitmq: fillQueue, kafka: fillTopic, jetstream: fillStream, pulsar: fillPulsar } as const
const empty = { rabbitmq: emptyQueue, kafka: emptyTopic, jetstream: emptyStream, pulsar: emptyPulsar } as const
const urlOf = (ends: Ends, place: Place) => ends[place === 'jetstream' ? 'nats' : place]

/** The bare client loop and Sluice in turn, round after round, so that a machine that drifts drifts for both. */
export async function throughput(pair: Pair, ends: Ends, messages: number, rounds: number): Promise<Throughput> {
  const result = { pair, bare: [] as Run[], sluice: [] as Run[] }
  const [from, to] = pair.split('-') as [Place, Place]
  for (let round = 0; round < rounds; round++) {
    for (const who of round % 2 === 0 ? (['bare', 'sluice'] as const) : (['sluice', 'bare'] as const)) {
      // Names of streams have no dots.
      const name = `bench-${pair}-${Date.now()}`
      await empty[to](urlOf(ends, to), name)
      await fill[from](urlOf(ends, from), name, messages)
      const count = String(messages)
      const run =
        who === 'bare'
          ? await runChild('bare.ts', [from, to, urlOf(ends, from), urlOf(ends, to), name, count])
          : await runChild('gateway.ts', [writeRoutes(pair, ends, name), count])
      result[who].push(run)
      process.stderr.write(`${pair} ${who}: ${Math.round(run.messages / run.cpuSeconds / 100) / 10} k per CPU-second\n`)
      for (const place of [from, to]) if (place !== 'kafka') await empty[place](urlOf(ends, place), name)
    }
  }
  return result
}
