import { startBroker } from '../brokers/broker.ts'
import { memory } from './backlog.ts'
import { idle } from './idle.ts'
import { latency } from './latency.ts'
import { benchOptions } from './options.ts'
import { printReport } from './report.ts'
import { throughput } from './throughput.ts'
import { tracing } from './tracing.ts'

const options = benchOptions(process.argv.slice(2))
await using stack = new AsyncDisposableStack()
const rabbitmq = stack.use(await startBroker('rabbitmq4', { instance: 'bench' }))
const kafka = stack.use(await startBroker('kafka', { instance: 'bench' }))
const nats = stack.use(await startBroker('nats', { instance: 'bench' }))
const withPulsar = options.idle || options.pairs.some(pair => pair.includes('pulsar'))
const pulsar = withPulsar ? stack.use(await startBroker('pulsar', { instance: 'bench' })) : undefined
const ends = { rabbitmq: rabbitmq.url, kafka: kafka.url, nats: nats.url, pulsar: pulsar?.url ?? '' }
const throughputs = []
for (const pair of options.pairs) throughputs.push(await throughput(pair, ends, options.messages, options.rounds))
const traced = options.tracing ? await tracing(ends, options.messages, options.rounds) : undefined
const latencies = options.latency ? await latency(ends) : undefined
const resting = options.idle ? await idle(ends) : undefined
const backlog = options.backlog > 0 ? await memory(ends, options.backlog, () => kafka.kill()) : undefined
printReport({ throughputs, traced, latencies, resting, backlog, options })
