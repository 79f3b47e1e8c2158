import { describe, expect, test } from 'vitest'
import { Headers } from '../../../src/core/headers.ts'
import type { Message } from '../../../src/core/message.ts'
import type { Lab } from '../../conformance/lab.ts'
import type { Receiver } from '../../conformance/receiver.ts'
import { pulsarLab, statsOf, topicName } from './pulsar-lab.ts'

type Type = 'exclusive' | 'failover' | 'shared' | 'key_shared'

/** A topic with a sink, and sources of one subscription. */
async function topicOf(lab: Lab, sink: object = {}) {
  const topic = topicName()
  const out = await lab.sink({ topic, ...sink })
  const source = (type: Type, more: object = {}) =>
    lab.receiver({ name: topic, sink: {}, source: () => ({ topic, subscription: 'group', type, ...more }) })
  return { topic, source, publish: (messages: readonly Message[]) => lab.publish(out, messages) }
}

const numbers = (lab: Lab, count: number, keys = 10) =>
  Array.from({ length: count }, (_, i) => lab.message({ key: `k${i % keys}`, bytes: Buffer.from(String(i)) }))
const texts = (receiver: Receiver) => receiver.received.map(({ message }) => String(message.bytes))

const backlogOf = async (topic: string) => (await statsOf(topic)).subscriptions['group']!.msgBacklog

describe.each(['exclusive', 'failover', 'shared', 'key_shared'] as const)('%s', type => {
  test('what was acked the moment before the close does not come again', async () => {
    const lab = pulsarLab()
    const { topic, source, publish } = await topicOf(lab)
    const first = await source(type)
    await publish(numbers(lab, 500))
    for (const delivery of await first.take(500)) delivery.ack()
    // The API confirms no acks: that they are applied is all in the closing handshake.
    await first[Symbol.asyncDispose]()
    await expect.poll(() => backlogOf(topic)).toBe(0)
    const second = await source(type)
    const last = numbers(lab, 1)
    await publish(last)
    await second.takeUntil(last[0]!.id)
    expect(second.received).toHaveLength(1)
  })

  test('what was not acked comes again at once in the next session, in its order', async () => {
    const lab = pulsarLab()
    const { source, publish } = await topicOf(lab)
    const first = await source(type)
    const sent = numbers(lab, 200, 1)
    await publish(sent)
    const odd = (await first.take(200)).filter((_, i) => i % 2 === 0)
    for (const delivery of odd) delivery.ack()
    await first[Symbol.asyncDispose]()
    const second = await source(type)
    await publish(numbers(lab, 1).map(() => lab.message({ key: 'k0', bytes: Buffer.from('last') })))
    await second.take(101)
    const expected = sent.map(({ bytes }) => String(bytes)).filter((_, i) => i % 2 === 1)
    expect(texts(second)).toEqual([...expected, 'last'])
  })
})

test('shared: what is released comes again with its count, to whoever is there', async () => {
  const lab = pulsarLab()
  const { source, publish } = await topicOf(lab)
  const one = await source('shared')
  await publish(numbers(lab, 1))
  const [first] = await one.take(1)
  expect(first!.message.source.attempt).toBe(1)
  const released = performance.now()
  first!.release(600)
  const [second] = await one.take(1)
  expect(performance.now() - released).toBeGreaterThanOrEqual(580)
  expect(second!.message.source.attempt).toBe(2)
  const two = await source('shared')
  second!.release()
  await one[Symbol.asyncDispose]()
  const [third] = await two.take(1)
  expect(third!.message.id).toBe(first!.message.id)
  third!.ack()
})

test('shared: two sources divide the messages', async () => {
  const lab = pulsarLab()
  const { source, publish } = await topicOf(lab)
  const both = [await source('shared'), await source('shared')] as const
  const sent = numbers(lab, 300)
  await publish(sent)
  await expect.poll(() => both[0].received.length + both[1].received.length).toBe(300)
  expect([...texts(both[0]), ...texts(both[1])].sort()).toEqual(sent.map(({ bytes }) => String(bytes)).sort())
  for (const one of both) expect(one.received.length).toBeGreaterThan(0)
})

test('key_shared: two sources divide the keys, each in its order', async () => {
  const lab = pulsarLab()
  const { source, publish } = await topicOf(lab)
  const both = [await source('key_shared'), await source('key_shared')] as const
  await publish(numbers(lab, 400, 40))
  await expect.poll(() => both[0].received.length + both[1].received.length).toBe(400)
  const keys = both.map(one => new Set(one.received.map(({ message }) => message.keyText)))
  expect([...keys[0]!].filter(key => keys[1]!.has(key))).toEqual([])
  for (const one of both) {
    expect(one.received.length).toBeGreaterThan(0)
    for (const key of new Set(one.received.map(({ message }) => message.keyText))) {
      const order = one.received
        .filter(({ message }) => message.keyText === key)
        .map(({ message }) => Number(String(message.bytes)))
      expect(order).toEqual(order.toSorted((a, b) => a - b))
    }
  }
})

test('failover: one consumes, the other stands by and takes over what is open, in its order', async () => {
  const lab = pulsarLab()
  const { topic, source, publish } = await topicOf(lab)
  const both = [await source('failover'), await source('failover')] as const
  await publish(numbers(lab, 50, 1))
  // The broker chooses by the consumers' names, and lets a second pass before the chosen one reads.
  await expect.poll(() => both.map(({ received }) => received.length).sort()).toEqual([0, 50])
  const [standby, active] = both[0].received.length === 0 ? both : [both[1], both[0]]
  for (const delivery of await active.take(20)) delivery.ack()
  await expect.poll(() => backlogOf(topic)).toBe(30)
  await active.take(30)
  expect(standby.received).toEqual([])
  await active[Symbol.asyncDispose]()
  await standby.take(30)
  expect(texts(standby)).toEqual(Array.from({ length: 30 }, (_, i) => String(20 + i)))
})

test('exclusive: a second source is refused while the first is there', async () => {
  const lab = pulsarLab()
  const { source } = await topicOf(lab)
  const one = await source('exclusive')
  await expect(source('exclusive')).rejects.toMatchObject({ code: 'ADDRESS_IN_USE', fate: 'fatal' })
  await one[Symbol.asyncDispose]()
  await source('exclusive')
})

test('a new subscription begins where it is told to', async () => {
  const lab = pulsarLab()
  const { topic, publish } = await topicOf(lab)
  await publish(numbers(lab, 5))
  const begin = (from: string) =>
    lab.receiver({ name: topic, sink: {}, source: () => ({ topic, subscription: from, from }) })
  const latest = await begin('latest')
  const earliest = await begin('earliest')
  const last = numbers(lab, 1)
  await publish(last)
  expect(await earliest.takeUntil(last[0]!.id)).toHaveLength(6)
  expect(await latest.takeUntil(last[0]!.id)).toHaveLength(1)
})

test('several topics in one source, each message with its own', async () => {
  const lab = pulsarLab()
  const topics = [topicName(), topicName(), topicName()]
  const sink = await lab.sink({ topic: '${headers.to}' })
  const receiver = await lab.receiver({ name: '', sink: {}, source: () => ({ topics, subscription: 'group' }) })
  for (const to of topics) {
    await lab.publish(sink, [lab.message({ headers: Headers.of({ to }) })])
  }
  const got = await receiver.take(3)
  expect(got.map(({ message }) => message.source.address).sort()).toEqual(
    topics.map(topic => `persistent://public/default/${topic}`).sort(),
  )
})

test('a batch of which one message is open comes again as a whole, in its order', async () => {
  const lab = pulsarLab()
  const { topic, source, publish } = await topicOf(lab, { batching: true, compression: 'lz4' })
  const first = await source('failover')
  await publish(numbers(lab, 100, 1))
  const got = await first.take(100)
  expect(texts(first)).toEqual(Array.from({ length: 100 }, (_, i) => String(i)))
  const batched = got.filter(({ message }) => message.source.position.split(':').length === 3)
  expect(batched.length, `messages of ${topic} in batches`).toBeGreaterThan(1)
  for (const delivery of got) if (delivery !== batched[1]) delivery.ack()
  await first[Symbol.asyncDispose]()
  const second = await source('failover')
  await expect.poll(() => texts(second)).toContain(String(batched[1]!.message.bytes))
  const entry = (position: string) => position.split(':').slice(0, 2).join(':')
  const again = second.received.map(({ message }) => entry(message.source.position))
  expect(new Set(again)).toEqual(new Set([entry(batched[1]!.message.source.position)]))
})
