import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Broker, startBroker } from '../../brokers/broker.ts'
import { proxyFor } from '../../brokers/proxy.ts'
import { NatsLab, numbered, numberOf, Reading } from './nats-lab.ts'

let broker: Broker
beforeAll(async () => {
  broker = await startBroker('nats', { instance: 'outage' })
})
afterAll(() => broker[Symbol.asyncDispose]())

const hasty = { requestTimeout: '2s', connectTimeout: '2s', pingInterval: '1s' }

it('a server that is killed ends the session; opened anew it goes on, and what was held comes first, in order', async () => {
  await using lab = await NatsLab.open(broker.url, hasty)
  const stream = await lab.stream()
  const sink = await lab.sink({ stream, subject: stream })
  await lab.publish(sink, numbered(30))
  const options = { stream, consumer: 'c', ackWait: '2s' }
  const source = await lab.source(options)
  const reading = new Reading(source)
  const got = await reading.count(30)
  for (const i of [0, 3, 7]) got[i]!.ack()
  await expect.poll(async () => (await lab.consumer(stream, 'c')).num_ack_pending).toBe(27)
  await broker.kill()
  expect(await reading.end()).toMatchObject({ code: 'CONNECTION_LOST', fate: 'retry', scope: 'endpoint' })
  expect(got[1]!.expired).toBe(true)
  const [away] = await sink.publish(numbered(1, 100), lab.signal)
  expect(away).toMatchObject({ fate: 'retry', scope: 'endpoint' })
  await source[Symbol.asyncDispose]()
  await broker.restart()
  await lab.publish(sink, numbered(5, 30))
  const again = new Reading(await lab.source(options))
  await again.until(() => again.deliveries.some(delivery => numberOf(delivery) === 34))
  // A server that is killed may have forgotten the last acks.
  const numbers = again.deliveries.map(numberOf).filter(number => ![0, 3, 7].includes(number))
  expect(numbers).toEqual(Array.from({ length: 35 }, (_, i) => i).filter(i => ![0, 3, 7].includes(i)))
})

it('a server that is frozen is noticed by source and sink, and used again when it thaws', async () => {
  await using lab = await NatsLab.open(broker.url, hasty)
  const stream = await lab.stream()
  const sink = await lab.sink({ stream, subject: stream, timeout: '2s' })
  const core = await lab.sink({ subject: 'frozen', timeout: '2s' })
  await lab.publish(sink, numbered(3))
  const reading = new Reading(await lab.source({ stream, consumer: 'c' }))
  await reading.count(3)
  broker.freeze()
  try {
    const begin = performance.now()
    const [results, [lost]] = await Promise.all([
      sink.publish(numbered(3, 10), lab.signal),
      core.publish(numbered(1), lab.signal),
    ])
    for (const result of [...results, lost]) expect(result).toMatchObject({ fate: 'retry', scope: 'endpoint' })
    await expect(lab.connection.check(lab.signal)).rejects.toMatchObject({ fate: 'retry' })
    expect(await reading.end()).toMatchObject({ fate: 'retry', scope: 'endpoint' })
    expect(performance.now() - begin).toBeLessThan(60_000)
  } finally {
    broker.thaw()
  }
  await expect.poll(() => lab.connection.check(lab.signal).then(() => 'up', String)).toBe('up')
  await lab.publish(sink, numbered(2, 20))
  await lab.publish(core, numbered(1))
})

it('a cut in the middle of pipelined publishes: every message has a result, and a repeat stores it once', async () => {
  await using proxy = await proxyFor(broker)
  await using lab = await NatsLab.open(broker.url, { ...hasty, url: proxy.url })
  const stream = await lab.stream()
  const sink = await lab.sink({ stream, subject: stream })
  const messages = Array.from(
    { length: 3_000 },
    (_, i) => numbered(1, i, { id: `m${i}`, properties: { messageId: `m${i}` } })[0]!,
  )
  // Answers come late, so that the cut is in the middle.
  proxy.delay(30)
  const publishing = sink.publish(messages, lab.signal)
  await expect.poll(async () => (await lab.manager.streams.info(stream)).state.messages).toBeGreaterThan(0)
  await proxy.cut()
  const results = await publishing
  expect(results).toHaveLength(3_000)
  const failed = results.filter(result => result !== null)
  expect(failed.length, 'the cut was in the middle').toBeGreaterThan(0)
  for (const result of failed) expect(result).toMatchObject({ fate: 'retry', scope: 'endpoint' })
  await proxy.restore()
  proxy.delay(0)
  await lab.publish(
    sink,
    messages.filter((_, i) => results[i] !== null),
  )
  expect((await lab.manager.streams.info(stream)).state.messages).toBe(3_000)
})

it('an unanswered publish has its result after the time-out, the others before', async () => {
  await using lab = await NatsLab.open(broker.url, hasty)
  const stream = await lab.stream({ subjects: ['lab.heard'] })
  // Somebody who listens and never answers.
  lab.client.subscribe('lab.mute', { callback: () => {} })
  await lab.client.flush()
  const sink = await lab.sink({ stream, subject: '${subject}', timeout: '1s' })
  const [heard, mute] = ['lab.heard', 'lab.mute'].map(subject => numbered(1, 0, { subject })[0]!)
  const results = await sink.publish([heard!, mute!, heard!.with({ id: 'other' })], lab.signal)
  expect(results).toEqual([null, expect.objectContaining({ code: 'TIMED_OUT', fate: 'retry' }), null])
})
