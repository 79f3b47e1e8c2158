import { parseArgs } from 'node:util'

export type Place = 'rabbitmq' | 'kafka' | 'jetstream' | 'pulsar'

/** All between RabbitMQ, Kafka and JetStream; Pulsar, by WebSocket, beside Kafka. */
export const PAIRS = [
  'rabbitmq-kafka',
  'kafka-rabbitmq',
  'jetstream-kafka',
  'kafka-jetstream',
  'rabbitmq-jetstream',
  'jetstream-rabbitmq',
  'pulsar-kafka',
  'kafka-pulsar',
] as const satisfies readonly `${Place}-${Place}`[]
export type Pair = (typeof PAIRS)[number]

export interface BenchOptions {
  readonly messages: number
  readonly rounds: number
  readonly pairs: readonly Pair[]
  readonly latency: boolean
  /** What traces cost. */
  readonly tracing: boolean
  /** Messages waiting while the target is stopped; 0 = leave that measurement out. */
  readonly backlog: number
  /** A hundred routes without a message. */
  readonly idle: boolean
  readonly json: boolean
}

const HELP = `npm run bench -- [options]

  --messages N   messages per run (default 200000)
  --rounds N     rounds; each runs the bare client loop and Sluice once, in turn
                 (default 3)
  --pair NAME    repeatable (default all): rabbitmq-kafka, kafka-rabbitmq,
                 jetstream-kafka, kafka-jetstream, rabbitmq-jetstream,
                 jetstream-rabbitmq, pulsar-kafka, kafka-pulsar
  --no-idle      leave out a gateway with nothing to do, and how soon it carries
  --no-tracing   leave out what traces cost
  --no-latency   leave out the latency at 1,000 messages a second
  --backlog N    messages waiting while the target is stopped
                 (default 1000000, 0 leaves it out)
  --json         the figures as JSON
`

/** Prints the help and ends the process where that is asked for; throws a sentence for bad options. */
export function benchOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    allowNegative: true,
    options: {
      messages: { type: 'string', default: '200000' },
      rounds: { type: 'string', default: '3' },
      pair: { type: 'string', multiple: true },
      latency: { type: 'boolean', default: true },
      idle: { type: 'boolean', default: true },
      tracing: { type: 'boolean', default: true },
      backlog: { type: 'string', default: '1000000' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(HELP)
    process.exit(0)
  }
  const pairs = values.pair ?? [...PAIRS]
  const unknown = pairs.find(pair => !PAIRS.includes(pair as Pair))
  if (unknown !== undefined) throw new Error(`There is no pair "${unknown}"; there are ${PAIRS.join(' and ')}.`)
  return {
    messages: Number(values.messages),
    rounds: Number(values.rounds),
    pairs: pairs as Pair[],
    latency: values.latency,
    tracing: values.tracing,
    idle: values.idle,
    backlog: Number(values.backlog),
    json: values.json,
  }
}
