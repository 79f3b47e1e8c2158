import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { given } from '../../brokers/given.ts'
import { callPulsar, newNamespace } from '../../brokers/pulsar-admin.ts'
import { pulsarLab, topicName } from './pulsar-lab.ts'

const admin = `http://${given('pulsar').listeners['plain']}`
const MIBI = 1024 * 1024

test('a partitioned topic is created, keeps a key in a partition, and tells its lag', async () => {
  const lab = pulsarLab()
  const connection = lab.connect({ url: given('pulsar').url, admin })
  const topic = topicName()
  const create = { partitions: 4 }
  const sink = await lab.sink({ topic, create }, connection)
  const sent = Array.from({ length: 200 }, (_, i) => lab.message({ key: `k${i % 20}`, bytes: Buffer.from(String(i)) }))
  await lab.publish(sink, sent)
  expect(await callPulsar(given('pulsar'), 'GET', `persistent/public/default/${topic}/partitions`)).toMatchObject({
    partitions: 4,
  })
  const source = await lab.source({ topic, subscription: 'group', create }, { connection, inFlight: 50 })
  expect(await source.lag!(lab.signal)).toBe(200)
  const sequences = new Map<string, Set<string>>()
  const order = new Map<string, number[]>()
  let count = 0
  for await (const batch of source.receive(lab.signal)) {
    for (const { message } of batch) {
      const key = message.keyText!
      sequences.set(key, (sequences.get(key) ?? new Set()).add(message.source.sequence))
      order.set(key, [...(order.get(key) ?? []), Number(String(message.bytes))])
    }
    if (count === 0) await expect.poll(() => source.lag!(lab.signal)).toBeLessThanOrEqual(200 - batch.length)
    for (const delivery of batch) delivery.ack()
    count += batch.length
    if (count >= 200) break
  }
  expect([...sequences.values()].every(one => one.size === 1)).toBe(true)
  expect(new Set([...sequences.values()].flatMap(one => [...one])).size).toBeGreaterThan(1)
  for (const numbers of order.values()) expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
  await expect.poll(() => source.lag!(lab.signal)).toBe(0)
})

test('without `admin` there is no lag, and nothing is created', async () => {
  const lab = pulsarLab()
  const source = await lab.source({ topic: topicName() })
  expect(await source.lag!(lab.signal)).toBeUndefined()
  await expect(lab.source({ topic: topicName(), create: { partitions: 2 } })).rejects.toMatchObject({
    code: 'OPTIONS_INVALID',
  })
})

test('a tenant or namespace that is not there; one that is, by each way to write it', async () => {
  const lab = pulsarLab()
  for (const topic of ['nobody/default/a', 'public/nowhere/a', 'persistent://public/nowhere/a']) {
    await expect(lab.sink({ topic })).rejects.toMatchObject({ code: 'ADDRESS_MISSING', fate: 'fatal' })
    await expect(lab.source({ topic })).rejects.toMatchObject({ code: 'ADDRESS_MISSING', fate: 'fatal' })
  }
  const namespace = await newNamespace(given('pulsar'))
  const home = lab.connect({ url: given('pulsar').url, namespace })
  await home.check(lab.signal)
  const local = 'käse & brot?'
  await lab.publish(await lab.sink({ topic: local }, home), [lab.message()])
  await lab.publish(await lab.sink({ topic: `${namespace}/${local}` }), [lab.message()])
  await lab.publish(await lab.sink({ topic: `persistent://${namespace}/${local}` }), [lab.message()])
  const receiver = await lab.receiver(
    { name: '', sink: {}, source: () => ({ topic: local, subscription: 'ä b' }) },
    { connection: home },
  )
  const got = await receiver.take(3)
  expect(got.map(({ message }) => message.subject)).toEqual(['lab', 'lab', 'lab'])
  expect(got[0]!.message.source.address).toBe(`persistent://${namespace}/${local}`)
})

test('size: what a frame has room for goes; what the broker refuses is found, alone', async () => {
  const lab = pulsarLab()
  const topic = topicName()
  const of = (bytes: number) => lab.message({ bytes: randomBytes(bytes) })
  const receiver = await lab.receiver({ name: topic, sink: {}, source: () => ({ topic }) })

  const usual = await lab.sink({ topic })
  const tooLarge = { code: 'TOO_LARGE', fate: 'poison' }
  expect(await usual.publish([of(786_000), of(786_500), of(10)], lab.signal)).toMatchObject([null, tooLarge, null])

  const large = await lab.sink({ topic, maxMessageBytes: '8MiB' })
  const fits = of(4.9 * MIBI)
  // A frame of 8 MiB has room for a body of 5.9 MiB, but the broker takes messages of 5 MiB.
  expect(await large.publish([of(10), fits, of(5.5 * MIBI), of(10)], lab.signal)).toMatchObject([
    null,
    null,
    tooLarge,
    null,
  ])

  // Beyond its frame the broker ends the connection without a word.
  const boundless = await lab.sink({ topic, maxMessageBytes: '1GiB' })
  const results = await boundless.publish([of(10), of(9 * MIBI), of(10)], lab.signal)
  expect(results[1]).toMatchObject(tooLarge)
  for (const result of [results[0], results[2]]) if (result) expect(result).toMatchObject({ fate: 'retry' })
  await expect.poll(async () => (await boundless.publish([of(10)], lab.signal))[0]).toBeNull()

  await receiver.until(
    () => receiver.received.some(({ message }) => message.bytes!.equals(fits.bytes!)),
    () => 'the message of 4.9 MiB',
  )
})

test('options of producers reach the broker', async () => {
  const lab = pulsarLab()
  const topic = topicName()
  const sink = await lab.sink({ topic, producerName: 'sluice-p', compression: 'zstd', replicateTo: ['standalone'] })
  await lab.publish(sink, [lab.message()])
  const stats = (await callPulsar(given('pulsar'), 'GET', `persistent/public/default/${topic}/stats`)) as {
    publishers: { producerName: string }[]
  }
  expect(stats.publishers.map(({ producerName }) => producerName)).toEqual(['sluice-p'])
  await expect(lab.sink({ topic, producerName: 'sluice-p' })).rejects.toMatchObject({ code: 'ADDRESS_IN_USE' })
})

test.each([
  ['source', { pattern: 'persistent://public/default/a.*' }, 'pattern'],
  ['source', { topic: 'a', readCompacted: true }, 'readCompacted'],
  ['sink', { topic: 'a', orderingKey: '${key}' }, 'orderingKey'],
  ['sink', { topic: 'a', sequenceId: '1', producerName: 'p' }, 'sequenceId'],
  ['sink', { topic: 'a', chunking: true }, 'chunking'],
] as const)('over WebSocket a %s has no %o', async (part, options, named) => {
  const lab = pulsarLab()
  const opening: Promise<unknown> = part === 'source' ? lab.source(options) : lab.sink(options)
  await expect(opening).rejects.toMatchObject({
    code: 'OPTIONS_INVALID',
    fate: 'fatal',
    message: `\`${named}\`: the WebSocket API has no such thing; use a pulsar:// url`,
  })
})
