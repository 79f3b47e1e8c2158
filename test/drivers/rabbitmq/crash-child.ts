// A process that takes messages from a queue and never settles one: `crash-child.ts URL QUEUE BASE_DIR`. It says when it has some.
import { quiet } from '../../../src/core/quiet-log.ts'
import { rabbitmq } from '../../../src/drivers/rabbitmq/driver.ts'

const [url, queue, baseDir] = process.argv.slice(2)
const connection = rabbitmq.connect({ url }, { name: 'crash-loop', log: quiet, baseDir: baseDir! })
const context = { route: 'crash-loop', inFlight: 5_000, inFlightBytes: 2 ** 28, log: quiet, status: () => {} }
const signal = new AbortController().signal
const source = await connection.source({ queue, type: 'quorum' }, context, signal)
for await (const batch of source.receive(signal)) console.log(batch[0]!.message.source.attempt)
