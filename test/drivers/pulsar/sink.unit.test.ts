import { expect, onTestFinished, test } from 'vitest'
import { SluiceError } from '../../../src/core/errors.ts'
import { Headers } from '../../../src/core/headers.ts'
import { openSink } from '../../../src/drivers/pulsar/endpoints.ts'
import type { SinkOptions } from '../../../src/drivers/pulsar/sink-options.ts'
import { address, FakeTransport, forever, message } from './fake-transport.ts'

async function open(options: Partial<SinkOptions> = {}) {
  const transport = new FakeTransport()
  const sink = await openSink(address, transport, { topic: 'orders', ...options }, forever)
  onTestFinished(() => sink[Symbol.asyncDispose]())
  return { transport, sink, producer: transport.producers[0]! }
}

test('one result per message, in whatever order the broker answers', async () => {
  const { sink, producer } = await open()
  const publishing = sink.publish(
    ['a', 'b', 'c'].map(text => message(text)),
    forever,
  )
  expect(producer.sent.map(({ message: { payload } }) => String(payload))).toEqual(['a', 'b', 'c'])
  const refusal = new SluiceError('NACKED', 'no')
  producer.sent[2]!.done(null)
  producer.sent[1]!.done(refusal)
  producer.sent[0]!.done(null)
  expect(await publishing).toEqual([null, refusal, null])
})

test('key, properties and event time come from the templates, else from the message', async () => {
  const { sink, producer } = await open({
    key: '${headers.user}',
    eventTime: '${body.at}',
    properties: { kind: 'order', user: '${headers.user + "!"}' },
    orderingKey: '${headers.user}',
    sequenceId: '${body.n}',
    replicateTo: ['eu'],
  })
  void sink.publish([message('{"at":1000,"n":7}', { headers: Headers.of({ user: 'u1' }) })], forever)
  expect(producer.sent[0]!.message).toMatchObject({
    key: 'u1',
    orderingKey: 'u1',
    eventTime: 1000,
    sequenceId: 7,
    replicateTo: ['eu'],
    properties: { kind: 'order', user: 'u1!', 'sluice-subject': 'in' },
  })
})

test('what is too large is refused before it is sent, and its neighbours go', async () => {
  const { sink, producer } = await open()
  const publishing = sink.publish([message('a'), message('x'.repeat(9_950)), message('b')], forever)
  for (const { done } of producer.sent) done(null)
  const results = await publishing
  expect(results.map(result => result?.code)).toEqual([undefined, 'TOO_LARGE', undefined])
  expect(results[1]).toMatchObject({ fate: 'poison', message: expect.stringContaining('10050 bytes') })
})

test('no more than a thousand of a topic are on their way', async () => {
  const { sink, producer } = await open()
  const publishing = sink.publish(
    Array.from({ length: 1_500 }, (_, i) => message(String(i))),
    forever,
  )
  expect(producer.sent).toHaveLength(1_000)
  for (const { done } of producer.sent.splice(0)) done(null)
  await expect.poll(() => producer.sent.length).toBe(500)
  for (const { done } of producer.sent.splice(0)) done(null)
  expect((await publishing).every(result => result === null)).toBe(true)
})

test('a producer for each topic a template names, opened again after a loss', async () => {
  const { sink, transport } = await open({ topic: '${headers.to}' })
  const to = (topic: string) => message('x', { headers: Headers.of({ to: topic }) })
  const publish = (topic: string) => sink.publish([to(topic)], forever)
  void publish('a')
  void publish('t/n/b')
  await expect.poll(() => transport.producers.map(({ settings }) => settings.topic.local)).toEqual(['a', 'b'])
  void publish('a')
  await expect.poll(() => transport.producers[0]!.sent.length).toBe(2)
  transport.producers[0]!.listener.lost(new SluiceError('CONNECTION_LOST', 'gone'))
  void publish('a')
  await expect.poll(() => transport.producers.length).toBe(3)
  expect(await publish('a/b')).toMatchObject([{ code: 'MESSAGE_REFUSED', fate: 'poison' }])
})

test('more topics than may be open: those that rest are closed', async () => {
  const { sink, transport } = await open({ topic: '${headers.to}' })
  for (let i = 0; i < 101; i++) {
    const publishing = sink.publish([message('x', { headers: Headers.of({ to: `t${i}` }) })], forever)
    await expect.poll(() => transport.producers[i]?.sent.length, { interval: 1 }).toBe(1)
    transport.producers[i]!.sent[0]!.done(null)
    await publishing
  }
  expect(transport.producers.map(({ closed }) => closed)).toEqual([true, ...new Array(100).fill(false)])
})

test('a topic that cannot be opened fails its messages, and is tried again', async () => {
  const { sink, transport } = await open({ topic: '${headers.to}' })
  const to = (topic: string) => message('x', { headers: Headers.of({ to: topic }) })
  const refusal = new SluiceError('ACCESS_DENIED', 'no')
  transport.failures.push(refusal)
  expect(await sink.publish([to('a')], forever)).toEqual([refusal])
  const publishing = sink.publish([to('a')], forever)
  await expect.poll(() => transport.producers.length).toBe(1)
  transport.producers[0]!.sent[0]!.done(null)
  expect(await publishing).toEqual([null])
})

test('an abort and a close give results, also to those who wait for room', async () => {
  const { sink, producer } = await open()
  const abort = new AbortController()
  const many = Array.from({ length: 1_200 }, (_, i) => message(String(i)))
  const aborted = sink.publish(many, abort.signal)
  await expect.poll(() => producer.sent.length).toBe(1_000)
  await new Promise(resolve => setImmediate(resolve))
  abort.abort()
  expect(new Set((await aborted).map(result => result?.code))).toEqual(new Set(['ABORTED']))
  const closed = sink.publish(many, forever)
  await sink[Symbol.asyncDispose]()
  expect(new Set((await closed).map(result => result?.code))).toEqual(new Set(['ABORTED']))
  expect(await sink.publish([message('a')], forever)).toMatchObject([{ code: 'ABORTED' }])
})

test('chunking knows no size unless one is given', async () => {
  const { sink, producer } = await open({ chunking: true })
  void sink.publish([message('x'.repeat(20_000))], forever)
  expect(producer.sent).toHaveLength(1)
  expect(producer.settings.chunking).toBe(true)
})
