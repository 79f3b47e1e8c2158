import { DeliverPolicy } from 'nats'
import { expect, it } from 'vitest'
import type { SourceOptions } from '../../../src/drivers/nats/source-options.ts'
import { given } from '../../brokers/given.ts'
import { message, millis, NatsLab, numbered, numberOf, Reading } from './nats-lab.ts'

const { url } = given('nats')

it('creates the stream and the consumer as the options say, and uses what is there', async () => {
  await using lab = await NatsLab.open(url)
  const stream = `LAB_CREATE_${process.pid}`
  const create = {
    subjects: [`${stream}.>`],
    retention: 'workqueue',
    storage: 'memory',
    maxMessages: 1_000,
    maxBytes: '1MiB',
    maxAge: '1h',
    maxMessageSize: '64KiB',
    discard: 'new',
    replicas: 1,
    duplicateWindow: '30s',
  } satisfies SourceOptions['create']
  const options = { stream, consumer: 'mine', filter: `${stream}.a`, ackWait: '5s', maxDeliver: 50, maxAckPending: 77 }
  try {
    await lab.source({ ...options, create })
    const { config } = await lab.manager.streams.info(stream)
    expect(config).toMatchObject({
      subjects: [`${stream}.>`],
      retention: 'workqueue',
      storage: 'memory',
      max_msgs: 1_000,
    })
    expect(config).toMatchObject({ max_bytes: 2 ** 20, max_age: 3600e9, max_msg_size: 65_536, discard: 'new' })
    expect(config).toMatchObject({ num_replicas: 1, duplicate_window: 30e9 })
    const consumer = await lab.consumer(stream, 'mine')
    expect(consumer.config).toMatchObject({ durable_name: 'mine', ack_policy: 'explicit', deliver_policy: 'all' })
    expect(consumer.config).toMatchObject({ ack_wait: 5e9, max_deliver: 50, max_ack_pending: 77 })
    expect(consumer.config.filter_subject).toBe(`${stream}.a`)
    // The same again finds everything as it wants it.
    await lab.source({ ...options, create })
    for (const [what, changed] of [
      ['subjects', { ...options, create: { ...create, subjects: ['other'] } }],
      ['max_msgs', { ...options, create: { ...create, maxMessages: 5 } }],
      ['filter_subject', { ...options, filter: `${stream}.b` }],
      ['ack_wait', { ...options, ackWait: '6s' }],
      ['max_ack_pending', { ...options, maxAckPending: 5 }],
    ] satisfies [string, SourceOptions][])
      await expect(lab.source(changed), what).rejects.toMatchObject({
        code: 'ADDRESS_MISMATCH',
        fate: 'fatal',
        message: expect.stringContaining(what),
      })
  } finally {
    await lab.manager.streams.delete(stream)
  }
})

it('says what is missing and what it cannot read by', async () => {
  await using lab = await NatsLab.open(url)
  const stream = await lab.stream()
  await expect(lab.source({ stream: 'NONE' })).rejects.toMatchObject({ code: 'ADDRESS_MISSING', fate: 'fatal' })
  await expect(lab.source({ stream, passive: true })).rejects.toMatchObject({ code: 'ADDRESS_MISSING', fate: 'fatal' })
  const { consumers } = lab.manager
  await consumers.add(stream, { durable_name: 'push', deliver_subject: 'somewhere', ack_policy: 'explicit' as never })
  await consumers.add(stream, { durable_name: 'all', ack_policy: 'all' as never })
  await consumers.add(stream, { durable_name: 'few', ack_policy: 'explicit' as never, max_deliver: 3 })
  for (const [consumer, why] of [
    ['push', /push consumer/],
    ['all', /ack policy all/],
    ['few', /after 3 deliveries/],
  ] as const)
    await expect(lab.source({ stream, consumer })).rejects.toMatchObject({
      code: 'ADDRESS_MISMATCH',
      message: expect.stringMatching(why),
    })
  await consumers.add(stream, { durable_name: 'some', ack_policy: 'explicit' as never, max_deliver: 20 })
  await lab.source({ stream, consumer: 'some' })
  expect(lab.warnings).toEqual([expect.objectContaining({ fields: { consumer: 'some', max_deliver: 20 } })])
})

it('begins where the options say', async () => {
  await using lab = await NatsLab.open(url)
  const stream = await lab.stream()
  for (let i = 1; i <= 4; i++) {
    await lab.client.request(stream, String(i))
    // Times are compared in milliseconds here.
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  const { time } = await lab.manager.streams.getMessage(stream, { seq: 3 })
  const first = async (deliver: NonNullable<Parameters<NatsLab['source']>[0]['deliver']>) => {
    const reading = new Reading(await lab.source({ stream, consumer: `c${Math.random()}`.replace('.', ''), deliver }))
    if (deliver === 'new') await lab.client.request(stream, '5')
    const [delivery] = await reading.count(1)
    await reading.stop()
    return numberOf(delivery!)
  }
  expect(await first('all')).toBe(1)
  expect(await first('last')).toBe(4)
  expect(await first({ sequence: 2 })).toBe(2)
  expect(await first({ time: time.toISOString() })).toBe(3)
  expect(await first('new')).toBe(5)
})

it('reads several filters, and tells lag, place and attempt', async () => {
  await using lab = await NatsLab.open(url)
  const stream = await lab.stream({ subjects: ['lab.f.*'] })
  for (const subject of ['lab.f.a', 'lab.f.b', 'lab.f.c', 'lab.f.a']) await lab.client.request(subject, subject)
  const source = await lab.source({ stream, consumer: 'two', filter: ['lab.f.a', 'lab.f.c'] })
  expect(await source.lag!(lab.signal)).toBe(3)
  const reading = new Reading(source)
  const got = await reading.count(3)
  expect(got.map(({ message: one }) => one.subject)).toEqual(['lab.f.a', 'lab.f.c', 'lab.f.a'])
  const { source: origin } = got[1]!.message
  expect(origin).toMatchObject({ connection: 'lab', address: stream, sequence: stream, position: '3', attempt: 1 })
  expect(origin.identity).toContain(`${stream}/3@`)
  expect(await source.lag!(lab.signal)).toBe(0)
  got[1]!.release(50)
  await reading.count(4)
  expect(reading.deliveries[3]!.message.source).toMatchObject({ position: '3', attempt: 2 })
  expect(reading.deliveries[3]!.message.source.identity).toBe(origin.identity)
})

it('holds hundreds for several times the ackWait: none comes again', async () => {
  await using lab = await NatsLab.open(url)
  const stream = await lab.stream()
  const sink = await lab.sink({ stream, subject: stream })
  await lab.publish(sink, numbered(500))
  const reading = new Reading(await lab.source({ stream, consumer: 'slow', ackWait: '1500ms' }))
  const got = [...(await reading.count(500))]
  await new Promise(resolve => setTimeout(resolve, 4_000))
  expect(reading.deliveries).toHaveLength(500)
  expect((await lab.consumer(stream, 'slow')).num_ack_pending).toBe(500)
  for (const delivery of got) delivery.ack()
  await expect.poll(async () => (await lab.consumer(stream, 'slow')).num_ack_pending).toBe(0)
})

it('never holds more bytes than it should aim for, and one that is larger still comes', async () => {
  await using lab = await NatsLab.open(url)
  const stream = await lab.stream()
  const sink = await lab.sink({ stream, subject: stream })
  const big = (size: number) => message({ bytes: Buffer.alloc(size) })
  await lab.publish(sink, [
    ...Array.from({ length: 60 }, () => big(100_000)),
    big(800_000),
    ...numbered(10),
    big(800_000),
  ])
  const source = await lab.source({ stream, consumer: 'big' }, { inFlight: 1_000, inFlightBytes: 500_000 })
  const reading = new Reading(source)
  let settled = 0
  while (settled < 72) {
    await reading.until(() => reading.deliveries.length > settled)
    const held = reading.deliveries.slice(settled)
    const bytes = held.reduce((sum, { message: one }) => sum + one.size, 0)
    expect(held.length === 1 || bytes <= 500_000, `${held.length} messages of ${bytes} bytes are held`).toBe(true)
    held[0]!.ack()
    settled++
  }
})

it('a consumer that is deleted ends the session; the next one goes on behind what was settled', async () => {
  await using lab = await NatsLab.open(url)
  const stream = await lab.stream()
  const sink = await lab.sink({ stream, subject: stream })
  await lab.publish(sink, numbered(20))
  const options = { stream, consumer: 'gone', ackWait: '1s' }
  const source = await lab.source(options)
  const reading = new Reading(source)
  for (const delivery of (await reading.count(20)).slice(0, 12)) delivery.ack()
  await expect.poll(async () => (await lab.consumer(stream, 'gone')).ack_floor.stream_seq).toBe(12)
  // As the engine does from time to time.
  expect(await source.lag!(lab.signal)).toBe(0)
  await lab.manager.consumers.delete(stream, 'gone')
  expect(await reading.end()).toMatchObject({ code: 'CHANNEL_LOST', fate: 'retry' })
  expect(reading.deliveries[19]!.expired).toBe(true)
  await source[Symbol.asyncDispose]()
  const again = new Reading(await lab.source(options))
  expect((await again.count(8)).map(numberOf)).toEqual([12, 13, 14, 15, 16, 17, 18, 19])
})

it('a stream that is deleted ends the session; made anew it is read from its beginning', async () => {
  await using lab = await NatsLab.open(url)
  const stream = await lab.stream()
  const sink = await lab.sink({ stream, subject: stream })
  await lab.publish(sink, numbered(5))
  const options = { stream, consumer: 'anew' }
  const source = await lab.source(options)
  const reading = new Reading(source, delivery => delivery.ack())
  await reading.count(5)
  await lab.manager.streams.delete(stream)
  expect(await reading.end()).toMatchObject({ code: 'CHANNEL_LOST', fate: 'retry' })
  await source[Symbol.asyncDispose]()
  await expect(lab.source(options)).rejects.toMatchObject({ code: 'ADDRESS_MISSING', fate: 'fatal' })
  const [missing] = await sink.publish(numbered(1, 100), lab.signal)
  expect(missing).toMatchObject({ code: 'ADDRESS_MISSING', fate: 'fatal' })
  await lab.manager.streams.add({ name: stream, subjects: [stream] })
  await lab.publish(sink, numbered(3, 200))
  const again = new Reading(await lab.source(options))
  expect((await again.count(3)).map(numberOf)).toEqual([200, 201, 202])
})

it('a request that is larger than the consumer allows is made smaller', async () => {
  await using lab = await NatsLab.open(url)
  const stream = await lab.stream()
  await lab.manager.consumers.add(stream, {
    durable_name: 'small',
    ack_policy: 'explicit' as never,
    deliver_policy: DeliverPolicy.All,
    ack_wait: millis(5_000),
    max_batch: 7,
  })
  const sink = await lab.sink({ stream, subject: stream })
  await lab.publish(sink, numbered(40))
  const reading = new Reading(await lab.source({ stream, consumer: 'small' }), delivery => delivery.ack())
  expect((await reading.count(40)).map(numberOf)).toEqual(Array.from({ length: 40 }, (_, i) => i))
})
