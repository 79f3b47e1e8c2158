import { afterAll, expect, it } from 'vitest'
import type { Sink } from '../../../src/core/ports.ts'
import { startBroker } from '../../brokers/broker.ts'
import { KafkaLab, message, numberOf, Reading } from './kafka-lab.ts'

const broker = await startBroker('kafka', { instance: 'kafka-outage' })
afterAll(() => broker[Symbol.asyncDispose]())

const TIMEOUTS = { connectTimeout: '1s', requestTimeout: '2s' }
/** Longer than every time-out above, and than a broker's start. */
const LONG_MS = 12_000
const KEYS = 40
const sleep = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

/** Publishes until told to end, one call under way per lane as the engine does it; every message must be confirmed. */
function load(lab: KafkaLab, sink: Sink) {
  let running = true
  let sent = 0
  const lane = async (lane: number) => {
    for (let n = 0; running; n++) {
      const keys = Array.from({ length: KEYS / 4 }, (_, i) => lane + i * 4)
      await lab.publish(
        sink,
        keys.map(key => message({ key: `key-${key}`, bytes: Buffer.from(String(n)) })),
      )
      sent += keys.length
    }
  }
  const lanes = [0, 1, 2, 3].map(lane)
  return {
    get sent() {
      return sent
    },
    async end() {
      running = false
      await Promise.all(lanes)
      return sent
    },
  }
}

/** Reads the topic back: numbers per key must be 0, 1, 2, … without a gap, a repetition or a step back. */
async function account(lab: KafkaLab, topic: string, sent: number): Promise<void> {
  const source = await lab.source({ topic, group: `${topic}.account` }, { inFlight: 100_000 })
  const reading = new Reading(source, delivery => delivery.ack())
  await reading.count(sent)
  await sleep(1_000)
  const next = new Map<string, number>()
  for (const delivery of reading.deliveries) {
    const key = delivery.message.keyText!
    expect(`${key} ${numberOf(delivery)}`).toBe(`${key} ${next.get(key) ?? 0}`)
    next.set(key, (next.get(key) ?? 0) + 1)
  }
  expect(reading.deliveries.length).toBe(sent)
}

async function under(trouble: (progress: () => number) => Promise<void>): Promise<readonly string[]> {
  await using lab = new KafkaLab(broker.url, TIMEOUTS)
  const topic = await lab.topic(3)
  const work = load(lab, await lab.sink({ topic, timeout: '2s' }))
  await sleep(500)
  await trouble(() => work.sent)
  const before = work.sent
  await expect.poll(() => work.sent).toBeGreaterThan(before)
  await account(lab, topic, await work.end())
  return lab.statuses
}

it('killed and restarted at once, three times: every message once, in order', async () => {
  const statuses = await under(async () => {
    for (let i = 0; i < 3; i++) {
      await broker.kill()
      await broker.restart()
      await sleep(700)
    }
  })
  expect(statuses.at(0)).toBe('waiting')
  expect(statuses.at(-1)).toBe('ok')
})

it('away for longer than every time-out: the publishes wait, then every message once, in order', async () => {
  await under(async progress => {
    await broker.kill()
    await sleep(200)
    const before = progress()
    await sleep(LONG_MS)
    expect(progress()).toBe(before)
    await broker.restart()
  })
})

it('frozen for longer than every time-out: answers are lost, yet every message once, in order', async () => {
  await under(async () => {
    broker.freeze()
    await sleep(LONG_MS)
    broker.thaw()
  })
})

it('an abort while the broker is away: the results come at once', async () => {
  await using lab = new KafkaLab(broker.url, TIMEOUTS)
  const topic = await lab.topic()
  const sink = await lab.sink({ topic })
  broker.freeze()
  try {
    const stop = new AbortController()
    const publishing = sink.publish([message(), message()], stop.signal)
    await sleep(3_000)
    const begin = performance.now()
    stop.abort()
    const results = await publishing
    // Not by a time-out of the requests.
    expect(performance.now() - begin).toBeLessThan(1_500)
    expect(results.map(result => result?.code)).toEqual(['ABORTED', 'ABORTED'])
  } finally {
    broker.thaw()
  }
  await lab.publish(sink, [message()])
})

it('a source goes on after the broker was away: nothing lost, and nothing in flight is forgotten', async () => {
  await using lab = new KafkaLab(broker.url, TIMEOUTS)
  const topic = await lab.topic(3)
  const sink = await lab.sink({ topic })
  await lab.publish(
    sink,
    Array.from({ length: 100 }, (_, i) => message({ key: `k${i}`, bytes: Buffer.from(String(i)) })),
  )
  const seen = new Set<number>()
  const reading = new Reading(await lab.source({ topic, group: topic }), delivery => {
    seen.add(numberOf(delivery))
    if (seen.size > 50) delivery.ack()
  })
  await reading.until(() => seen.size === 100)
  await broker.kill()
  await sleep(3_000)
  await broker.restart()
  await lab.publish(sink, [message({ bytes: Buffer.from('100') })])
  await reading.until(() => seen.size === 101)
  for (const delivery of reading.deliveries) delivery.ack()
  const sum = async () => (await lab.committed(topic, topic)).reduce((total, offset) => total + Math.max(offset, 0), 0)
  await expect.poll(sum).toBe(101)
})
