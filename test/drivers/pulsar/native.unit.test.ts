import { existsSync, readFileSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { quiet } from '../../../src/core/quiet-log.ts'
import { readAddress } from '../../../src/drivers/pulsar/address.ts'
import type { ConnectionOptions } from '../../../src/drivers/pulsar/connection-options.ts'
import { openSink, openSource } from '../../../src/drivers/pulsar/endpoints.ts'
import { NativeTransport } from '../../../src/drivers/pulsar/native-transport.ts'
import type { SinkOptions } from '../../../src/drivers/pulsar/sink-options.ts'
import type { SourceOptions } from '../../../src/drivers/pulsar/source-options.ts'
import { FakeNative, nativeMessage } from './fake-native.ts'
import { context, forever, message, noMarks } from './fake-transport.ts'

const PEM = '-----BEGIN CERTIFICATE-----\nx'
const NATIVE_ERROR = (result: string) => new Error(`Failed to do it: ${result}`)

function native(options: Partial<ConnectionOptions> = {}) {
  const fake = new FakeNative()
  const address = readAddress({ url: 'pulsar://a,b:6651', ...options }, 'log', '.')
  const transport = NativeTransport.with(fake.module, address, quiet)
  onTestFinished(() => transport[Symbol.asyncDispose]())
  return {
    fake,
    transport,
    source: (source: SourceOptions) => openSource(address, transport, source, context(), noMarks, forever),
    sink: (sink: SinkOptions) => openSink(address, transport, sink, forever),
  }
}

test('the client gets all hosts, the token, and a log handler of ours', () => {
  const { fake } = native({ token: 'secret' })
  expect(fake.clients).toMatchObject([
    {
      serviceUrl: 'pulsar://a:6650,b:6651',
      authentication: { params: { token: 'secret' } },
      connectionTimeoutMs: 10_000,
      operationTimeoutSeconds: 10,
    },
  ])
  expect(fake.logHandler).toBeTypeOf('function')
})

test('certificates go as files, which are gone in the end', async () => {
  const tls = { ca: PEM, cert: `${PEM}1`, key: `${PEM}2` }
  const { fake, transport } = native({ url: 'pulsar+ssl://a', tls })
  const [{ tlsTrustCertsFilePath, authentication, ...config }] = fake.clients as [FakeNative['clients'][0]]
  expect(config).toMatchObject({
    serviceUrl: 'pulsar+ssl://a:6651',
    tlsValidateHostname: true,
    tlsAllowInsecureConnection: false,
  })
  const { certificatePath, privateKeyPath } = (authentication as { params: Record<string, string> }).params
  expect([tlsTrustCertsFilePath, certificatePath, privateKeyPath].map(path => readFileSync(path!, 'utf8'))).toEqual(
    Object.values(tls),
  )
  await transport[Symbol.asyncDispose]()
  expect(existsSync(tlsTrustCertsFilePath!)).toBe(false)
  expect(fake.closed).toBe(1)
})

test('what only the WebSocket way can do is refused', () => {
  expect(() => native({ url: 'pulsar+ssl://a', tls: { servername: 'b' } })).toThrow('tls.servername')
})

test.each([
  ['AuthenticationError', 'AUTH_FAILED'],
  ['ConnectError', 'CONNECTION_LOST'],
  ['TimeOut', 'TIMED_OUT'],
])('a check that fails with %s says %s', async (result, code) => {
  const { fake, transport } = native()
  await transport.check(forever)
  fake.failure = NATIVE_ERROR(result)
  await expect(transport.check(forever)).rejects.toMatchObject({ code })
})

test.each([
  ['TopicNotFound', 'ADDRESS_MISSING'],
  ['AuthorizationError', 'ACCESS_DENIED'],
  ['ConsumerBusy', 'ADDRESS_IN_USE'],
  ['InvalidTopicName', 'OPTIONS_INVALID'],
  ['IncompatibleSchema', 'ADDRESS_MISMATCH'],
  ['ServiceUnitNotReady', 'UNAVAILABLE'],
  ['ProducerQueueIsFull', 'UNAVAILABLE'],
  ['NobodyKnowsThisOne', 'UNAVAILABLE'],
])('a producer that fails with %s says %s', async (result, code) => {
  const { fake, sink } = native()
  fake.failure = NATIVE_ERROR(result)
  await expect(sink({ topic: 'orders' })).rejects.toMatchObject({ code })
})

test('a producer gets its options, and room for what the driver sends at once', async () => {
  const { fake, sink } = native()
  await sink({ topic: 'orders', compression: 'zstd', producerName: 'p', timeout: '7s' })
  await sink({ topic: 'orders', chunking: true })
  expect(fake.producers[0]).toEqual({
    topic: 'persistent://public/default/orders',
    sendTimeoutMs: 7_000,
    maxPendingMessages: 1_001,
    blockIfQueueFull: false,
    hashingScheme: 'JavaStringHash',
    messageRoutingMode: 'RoundRobinDistribution',
    compressionType: 'ZSTD',
    batchingEnabled: true,
    batchingType: 'KeyBasedBatching',
    producerName: 'p',
  })
  expect(fake.producers[1]).toMatchObject({ batchingEnabled: false, chunkingEnabled: true })
})

test('a message goes with all it has, and its failure has a code', async () => {
  const { fake, sink } = native()
  const one = await sink({
    topic: 'orders',
    sequenceId: '${body.n}',
    orderingKey: 'o',
    replicateTo: ['eu'],
    producerName: 'p',
  })
  expect(await one.publish([message('{"n":5}', { key: 'k' })], forever)).toEqual([null])
  expect(fake.sent).toMatchObject([
    {
      data: Buffer.from('{"n":5}'),
      partitionKey: 'k',
      orderingKey: 'o',
      sequenceId: 5,
      eventTimestamp: 1_795_000_000_123,
      replicationClusters: ['eu'],
    },
  ])
  for (const [result, code] of [
    ['MessageTooBig', 'TOO_LARGE'],
    ['TimeOut', 'TIMED_OUT'],
    ['UnknownError', 'NACKED'],
  ]) {
    fake.failure = NATIVE_ERROR(result!)
    expect(await one.publish([message('{"n":6}')], forever)).toMatchObject([{ code }])
  }
})

test('a consumer receives what is permitted, acks, and closes when its acks are through', async () => {
  const { fake, source } = native()
  const one = await source({ pattern: 'persistent://public/default/o.*', type: 'key_shared', readCompacted: true })
  const { config, consumer } = fake.consumers[0]!
  expect(config).toMatchObject({
    topicsPattern: 'persistent://public/default/o.*',
    subscription: 'sluice.test',
    subscriptionType: 'KeyShared',
    subscriptionInitialPosition: 'Earliest',
    nAckRedeliverTimeoutMs: 100,
    readCompacted: true,
  })
  expect(config).not.toHaveProperty('ackTimeoutMs')
  expect(consumer.receiving).toBe(0)
  const batches = one.receive(forever)[Symbol.asyncIterator]()
  const sent = nativeMessage('a')
  consumer.deliver(sent)
  const [delivery] = (await batches.next()).value!
  expect(delivery.message).toMatchObject({
    key: 'k',
    subject: 'orders',
    source: {
      address: 'persistent://public/default/orders',
      sequence: 'persistent://public/default/orders-partition-3',
      position: '3:5:7',
      attempt: 3,
    },
  })
  delivery.ack()
  await one[Symbol.asyncDispose]()
  expect(consumer).toMatchObject({ acked: [sent], closed: true })
})

test('an ack that fails ends the session', async () => {
  const { fake, source } = native()
  const one = await source({ topic: 'orders' })
  const { consumer } = fake.consumers[0]!
  const batches = one.receive(forever)[Symbol.asyncIterator]()
  consumer.deliver(nativeMessage('a'))
  const [delivery] = (await batches.next()).value!
  consumer.failure = NATIVE_ERROR('Disconnected')
  delivery.ack()
  await expect(batches.next()).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
  expect(delivery.expired).toBe(true)
  await one[Symbol.asyncDispose]()
})

test('a message whose id cannot be read ends the session', async () => {
  const { fake, source } = native()
  const one = await source({ topic: 'orders' })
  const batches = one.receive(forever)[Symbol.asyncIterator]()
  const unreadable = { serialize: () => Buffer.from([0xff]), toString: () => '' }
  fake.consumers[0]!.consumer.deliver(nativeMessage('a', { getMessageId: unreadable }))
  await expect(batches.next()).rejects.toMatchObject({ code: 'PROTOCOL_MISMATCH' })
  await one[Symbol.asyncDispose]()
})

const receivedBy = (tokens: string[], lost: unknown[] = []) => ({
  received: ({ token }: { token: string }) => void tokens.push(token),
  lost: (error: unknown) => void lost.push(error),
})
const reading = { topic: { domain: 'persistent', tenant: 'a', namespace: 'b', local: 'c' }, name: 'me' } as const
const turn = () => new Promise(resolve => setImmediate(resolve))

test('a reader begins at the end or behind a message, and hands on no more than was taken', async () => {
  const { fake, transport } = native()
  const tokens: string[] = []
  const settings = { ...reading, after: undefined, receiverQueueSize: 2 }
  const link = await transport.read(settings, receivedBy(tokens), forever)
  const [{ config, reader }] = fake.readers as [FakeNative['readers'][0]]
  expect(config).toEqual({
    topic: 'persistent://a/b/c',
    startMessageId: { latest: true },
    readerName: 'me',
    receiverQueueSize: 2,
  })
  for (const text of 'abc') reader.deliver(nativeMessage(text))
  await turn()
  expect(tokens).toHaveLength(2)
  link.taken({} as never)
  await turn()
  expect(tokens).toHaveLength(3)
  await link.close(forever)
  expect(reader.closed).toBe(true)
  await transport.read({ ...settings, after: tokens[0] }, receivedBy([]), forever)
  expect(fake.readers[1]!.config.startMessageId).toEqual({ after: Buffer.from([0x08, 5, 0x10, 7, 0x18, 3]) })
})

test('a reader that fails is lost, and one that does not open says why', async () => {
  const { fake, transport } = native()
  const lost: unknown[] = []
  const settings = { ...reading, after: undefined, receiverQueueSize: 2 }
  await transport.read(settings, receivedBy([], lost), forever)
  await fake.readers[0]!.reader.close()
  await turn()
  expect(lost).toMatchObject([{ code: 'CONNECTION_LOST' }])
  fake.failure = NATIVE_ERROR('TopicNotFound')
  await expect(transport.read(settings, receivedBy([]), forever)).rejects.toMatchObject({ code: 'ADDRESS_MISSING' })
})
