import { KafkaLab, numberOf, Reading } from './kafka-lab.ts'

// Run by crash.test.ts: a gateway that acks what it gets one by one, prints it, and dies of record 3.
const [url, topic] = process.argv.slice(2) as [string, string]
const lab = new KafkaLab(url)
const options = { topic, group: topic, sessionTimeout: '6s', heartbeatInterval: '1s', commit: { interval: '50ms' } }
const reading = new Reading(await lab.source(options), delivery => {
  process.stdout.write(`${numberOf(delivery)}:${delivery.message.source.attempt} `)
  if (numberOf(delivery) !== 3) delivery.ack()
})
await reading.until(() => reading.deliveries.some(delivery => numberOf(delivery) === 5))
await new Promise(resolve => setTimeout(resolve, 300))
process.kill(process.pid, 'SIGKILL')
