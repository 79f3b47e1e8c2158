import { KafkaLab, numbered, Reading } from './kafka-lab.ts'

// Run by quiet.test.ts in a process of its own, where a warning of Node.js would show: publishes, consumes, closes.
await using lab = new KafkaLab(process.argv[2]!)
await lab.connection.check(lab.signal)
const topic = await lab.topic(3)
await lab.publish(await lab.sink({ topic }), numbered(100))
const source = await lab.source({ topic, group: topic })
const reading = new Reading(source, delivery => delivery.ack())
await reading.count(100)
await source.lag!(lab.signal)
await reading.stop()
process.stdout.write(`received ${reading.deliveries.length}`)
