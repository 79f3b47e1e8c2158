// A process that takes messages from a queue and never settles one: `crash-child.ts URL QUEUE BASE_DIR`. It says when it has some.
import { rabbitmq } from '../../../src/drivers/rabbitmq/driver.ts'

const [url, queue, baseDir] = process.argv.slice(2)
const log = { debug() {}, info() {}, warn() {}, error() {} }
const connection = rabbitmq.connect({ url }, { name: 'crash-loop', log, baseDir: baseDir! })
const context = { route: 'crash-loop', inFlight: 5_000, inFlightBytes: 2 ** 28, log, status: () => {} }
const signal = new AbortController().signal
const source = await connection.source({ queue, type: 'quorum' }, context, signal)
for await (const batch of source.receive(signal)) console.log(batch[0]!.message.source.attempt)
