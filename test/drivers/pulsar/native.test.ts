import { expect, test } from 'vitest'
import { SluiceError } from '../../../src/core/errors.ts'
import { loadNative } from '../../../src/drivers/pulsar/native-client.ts'
import { given } from '../../brokers/given.ts'
import { Ear } from '../../replies/ear.ts'
import { pulsarLab, topicName } from './pulsar-lab.ts'

const missing = await loadNative().then(
  () => undefined,
  (error: unknown) => `${(error as SluiceError).message} (${String((error as SluiceError).cause).split('\n')[0]})`,
)

test('by the native client: writes, reads, gives back, acks, and reads what it had not acked', async ctx => {
  if (missing !== undefined) ctx.skip(missing)
  const lab = pulsarLab()
  const connection = lab.connect({ url: `pulsar://${given('pulsar').listeners['binary']}` })
  await connection.check(lab.signal)
  const topic = topicName()
  const sink = await lab.sink({ topic, compression: 'lz4' }, connection)
  const sent = lab.messages(2_000, { key: 'k' })
  await lab.publish(sink, sent)
  const address = { name: topic, sink: {}, source: () => ({ topic, type: 'shared' }) }
  const first = await lab.receiver(address, { connection, inFlight: 2_000 })
  const got = await first.take(2_000)
  expect(got.map(({ message }) => message.id)).toEqual(sent.map(({ id }) => id))
  got[7]!.release()
  const [again] = await first.take(1)
  expect(again!.message.source.attempt).toBe(2)
  for (const delivery of got) delivery.ack()
  await first[Symbol.asyncDispose]()
  const second = await lab.receiver(address, { connection })
  expect((await second.take(1))[0]!.message.id).toBe(sent[7]!.id)
})

test('by the native client: what is not there, and what is too large', async ctx => {
  if (missing !== undefined) ctx.skip(missing)
  const lab = pulsarLab()
  const connection = lab.connect({ url: `pulsar://${given('pulsar').listeners['binary']}`, connectTimeout: '5s' })
  await expect(lab.sink({ topic: 'public/nowhere/a' }, connection)).rejects.toBeInstanceOf(SluiceError)
  const sink = await lab.sink({ topic: topicName() }, connection)
  const results = await sink.publish([lab.message({ bytes: Buffer.alloc(6e6) }), lab.message()], lab.signal)
  expect(results).toMatchObject([{ code: 'TOO_LARGE' }, null])
  const away = lab.connect({ url: 'pulsar://127.0.0.1:1', connectTimeout: '2s' })
  await expect(away.check(lab.signal)).rejects.toMatchObject({ fate: 'retry' })
})

test('by the native client: an inbox begins at the end, and its next session where the last one ended', async ctx => {
  if (missing !== undefined) ctx.skip(missing)
  const lab = pulsarLab()
  const connection = lab.connect({ url: `pulsar://${given('pulsar').listeners['binary']}` })
  const topic = topicName()
  const sink = await lab.sink({ topic }, connection)
  const answer = (correlationId: string) => lab.message({ properties: { correlationId } })
  const inbox = { name: 'sluice-lab', address: topic, sink: { topic: 'asked' } }
  await lab.publish(sink, [answer('0')])
  {
    await using first = new Ear(await lab.inbox(inbox, connection))
    await lab.publish(sink, [answer('1')])
    await first.hears(1)
    expect(first.correlations).toEqual(['1'])
  }
  await lab.publish(sink, [answer('2')])
  await using second = new Ear(await lab.inbox(inbox, connection))
  await second.hears(1)
  expect(second.correlations).toEqual(['2'])
})
