import { expect, onTestFinished, test, vi } from 'vitest'
import { SluiceError } from '../../../src/core/errors.ts'
import type { Delivery, Source } from '../../../src/core/ports.ts'
import type { Marks } from '../../../src/drivers/pulsar/continuation.ts'
import { openSource } from '../../../src/drivers/pulsar/endpoints.ts'
import type { SourceOptions } from '../../../src/drivers/pulsar/source-options.ts'
import { address, context, FakeTransport, forever, noMarks } from './fake-transport.ts'

async function open(options: Partial<SourceOptions> = {}, inFlight = 100, inFlightBytes = 1e6) {
  const transport = new FakeTransport()
  const all: SourceOptions = options.topics === undefined ? { topic: 'orders', ...options } : { ...options }
  const source = await openSource(address, transport, all, context(inFlight, inFlightBytes), noMarks, forever)
  onTestFinished(() => source[Symbol.asyncDispose]())
  return { transport, source, consumer: transport.consumers[0]! }
}

/** Reads in the background; `failure` is what receive threw. */
function reading(source: Source) {
  const stop = new AbortController()
  const received: Delivery[] = []
  const state = { received, failure: undefined as unknown, stop: () => stop.abort() }
  const done = (async () => {
    try {
      for await (const batch of source.receive(stop.signal)) received.push(...batch)
    } catch (error) {
      state.failure = error
    }
  })()
  onTestFinished(async () => {
    stop.abort()
    await done
  })
  return state
}

const texts = (received: readonly Delivery[]) => received.map(({ message }) => String(message.bytes))

test('names the subscription after the route, fails over, begins with the oldest', async () => {
  const { consumer } = await open()
  expect(consumer.settings).toMatchObject({
    topic: { domain: 'persistent', tenant: 'public', namespace: 'default', local: 'orders' },
    subscription: 'sluice.test',
    type: 'failover',
    from: 'earliest',
    receiverQueueSize: 100,
  })
})

test('permits no more than the room there is, in portions', async () => {
  const { source, consumer } = await open({}, 8)
  expect(consumer.permitted, 'nothing before it is read').toBe(0)
  const { received } = reading(source)
  await expect.poll(() => consumer.permitted).toBe(8)
  for (let i = 0; i < 8; i++) consumer.deliver(`m${i}`)
  await expect.poll(() => received.length).toBe(8)
  expect(consumer.permitted, 'all of it is held').toBe(8)
  received[7]!.ack()
  expect(consumer.permitted).toBe(9)
  received[0]!.ack()
  expect(consumer.permitted, 'one is permitted still: the next portion is of two').toBe(9)
  received[1]!.ack()
  expect(consumer.permitted).toBe(11)
  expect(consumer.acked).toEqual(['m7', 'm0', 'm1'])
})

test('permits fewer when messages are large, and one at least', async () => {
  const { source, consumer } = await open({}, 100, 50_000)
  const { received } = reading(source)
  await expect.poll(() => consumer.permitted).toBe(48)
  for (let i = 0; i < 48; i++) consumer.deliver(`m${i}`, { payload: Buffer.alloc(40_000) })
  await expect.poll(() => received.length).toBe(48)
  for (const delivery of received.slice(0, 47)) delivery.ack()
  expect(consumer.permitted, 'one of 40 kB is held of 50').toBe(48)
  received[47]!.ack()
  expect(consumer.permitted).toBe(49)
})

test.each(['failover', 'exclusive', 'key_shared'] as const)(
  '%s: a released message is kept and handed out again, in its time',
  async type => {
    const { source, consumer } = await open({ type })
    const { received } = reading(source)
    consumer.deliver('a')
    await expect.poll(() => received.length).toBe(1)
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    received[0]!.release(500)
    await vi.advanceTimersByTimeAsync(499)
    expect(received).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(texts(received)).toEqual(['a', 'a'])
    expect(received.map(({ message }) => message.source.attempt)).toEqual([1, 2])
    received[0]!.ack()
    expect(consumer.acked, 'the first delivery is settled').toEqual([])
    received[1]!.ack()
    expect(consumer).toMatchObject({ acked: ['a'], nacked: [] })
  },
)

test('shared: a released message goes back to the broker, and counts as held until then', async () => {
  const { source, consumer } = await open({ type: 'shared' }, 1)
  const { received } = reading(source)
  consumer.deliver('a')
  await expect.poll(() => received.length).toBe(1)
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const permitted = consumer.permitted
  received[0]!.release(500)
  await vi.advanceTimersByTimeAsync(399)
  expect(consumer).toMatchObject({ nacked: [], permitted })
  await vi.advanceTimersByTimeAsync(1)
  expect(consumer).toMatchObject({ nacked: ['a'], permitted: permitted + 1 })
  consumer.deliver('a', { redeliveryCount: 1 })
  await vi.advanceTimersByTimeAsync(0)
  expect(received.map(({ message }) => message.source.attempt)).toEqual([1, 2])
})

test('what is held and delivered once more is handed out once', async () => {
  const { source, consumer } = await open()
  const { received } = reading(source)
  consumer.deliver('a')
  consumer.deliver('a')
  consumer.deliver('b')
  await expect.poll(() => texts(received)).toEqual(['a', 'b'])
  received[0]!.ack()
  consumer.deliver('a')
  // Its ack may have been lost.
  await expect.poll(() => texts(received)).toEqual(['a', 'b', 'a'])
})

/** Session after session of one process, on a failover subscription. */
function sessions(options: Partial<SourceOptions> = {}) {
  const transport = new FakeTransport()
  const marks: Marks = new Map()
  return async () => {
    const all = { topic: 'orders', ...options }
    const source = await openSource(address, transport, all, context(2), () => marks, forever)
    onTestFinished(() => source[Symbol.asyncDispose]())
    return { source, consumer: transport.consumers.at(-1)!, ...reading(source) }
  }
}

const at = (entry: number) => ({ id: { ledger: 7n, entry: BigInt(entry), partition: -1, batchIndex: -1 } })

test('failover: what the next session forgets until it goes on where this one ended takes no room', async () => {
  const session = sessions()
  const first = await session()
  first.consumer.deliver('a', at(0))
  first.consumer.deliver('b', at(1))
  await expect.poll(() => texts(first.received)).toEqual(['a', 'b'])
  first.received[0]!.ack()
  await first.source[Symbol.asyncDispose]()

  const second = await session()
  for (let entry = 5; entry < 10; entry++) second.consumer.deliver(`early ${entry}`, at(entry))
  expect(second.consumer.permitted, 'room for two, and once more for each that was forgotten').toBe(7)
  second.consumer.deliver('b', at(1))
  second.consumer.deliver('c', at(2))
  await expect.poll(() => texts(second.received)).toEqual(['b', 'c'])
  expect(second.consumer, 'these are held').toMatchObject({ permitted: 7, nacked: [] })
})

test('a compacted topic has gaps: all is handed out as it comes', async () => {
  const session = sessions({ readCompacted: true })
  const first = await session()
  first.consumer.deliver('a', at(0))
  await expect.poll(() => texts(first.received)).toEqual(['a'])
  await first.source[Symbol.asyncDispose]()
  const second = await session()
  second.consumer.deliver('c', at(5))
  await expect.poll(() => texts(second.received)).toEqual(['c'])
})

test('a lost link ends the session: what is out expires, all topics are closed', async () => {
  const { source, transport } = await open({ topics: ['orders', 'refunds'] })
  const state = reading(source)
  transport.consumers[0]!.deliver('a')
  transport.consumers[1]!.deliver('b')
  await expect.poll(() => texts(state.received)).toEqual(['a', 'b'])
  const lost = new SluiceError('CONNECTION_LOST', 'gone')
  transport.consumers[1]!.listener.lost(lost)
  await expect.poll(() => state.failure).toBe(lost)
  expect(state.received.map(({ expired }) => expired)).toEqual([true, true])
  for (const delivery of state.received) delivery.ack()
  expect(transport.consumers.map(({ acked, closed }) => [acked, closed])).toEqual([
    [[], true],
    [[], true],
  ])
})

test('after the abort nothing is handed out, and what was can still be settled', async () => {
  const { source, consumer } = await open()
  const state = reading(source)
  consumer.deliver('a')
  await expect.poll(() => state.received.length).toBe(1)
  const permitted = consumer.permitted
  state.stop()
  consumer.deliver('b')
  state.received[0]!.ack()
  expect(consumer).toMatchObject({ acked: ['a'], permitted })
  await source[Symbol.asyncDispose]()
  expect(texts(state.received)).toEqual(['a'])
})

test('topics share the limit, of which each needs one', async () => {
  const { source, transport } = await open({ topics: ['orders', 'refunds'] }, 10)
  reading(source)
  await expect.poll(() => transport.consumers.map(({ permitted }) => permitted)).toEqual([5, 5])
  await expect(open({ topics: ['a', 'b'] }, 1)).rejects.toMatchObject({ code: 'OPTIONS_INVALID' })
})

test('a subscription that our last session still has is asked for again; a refusal is not', async () => {
  const transport = new FakeTransport()
  transport.failures.push(new SluiceError('ADDRESS_IN_USE', 'taken'), new SluiceError('ADDRESS_IN_USE', 'taken'))
  const source = await openSource(
    address,
    transport,
    { topic: 'orders', type: 'exclusive' },
    context(),
    noMarks,
    forever,
  )
  expect(transport.consumers).toHaveLength(1)
  await source[Symbol.asyncDispose]()
  expect(transport.consumers[0]!.closed).toBe(true)
  transport.failures.push(new SluiceError('ACCESS_DENIED', 'no'))
  await expect(openSource(address, transport, { topic: 'orders' }, context(), noMarks, forever)).rejects.toMatchObject({
    code: 'ACCESS_DENIED',
  })
})

test('what a transport lacks is refused before anything is opened', async () => {
  const transport = new FakeTransport()
  transport.lacks = { pattern: 'no patterns here' }
  await expect(openSource(address, transport, { pattern: 'a.*' }, context(), noMarks, forever)).rejects.toThrow(
    '`pattern`: no patterns here',
  )
  await expect(
    openSource(address, transport, { topic: 'a', create: { partitions: 3 } }, context(), noMarks, forever),
  ).rejects.toThrow('`create` needs `admin`')
  expect(transport.consumers).toEqual([])
})
