import { expect, test } from 'vitest'
import type { ReplyInbox } from '../../../src/core/reply-ports.ts'
import { given } from '../../brokers/given.ts'
import { proxyFor } from '../../brokers/proxy.ts'
import { callPulsar } from '../../brokers/pulsar-admin.ts'
import type { Lab } from '../../conformance/lab.ts'
import { Ear } from '../../replies/ear.ts'
import { pulsarLab, topicName } from './pulsar-lab.ts'

const inbox = (lab: Lab, address: string, name = 'sluice-lab', connection = lab.connection): Promise<ReplyInbox> =>
  lab.inbox({ name, address, sink: { topic: 'asked' } }, connection)

const answer = (lab: Lab, correlationId: string) => lab.message({ properties: { correlationId } })

test('an inbox begins at the end; a lost connection ends the session, and the next one reads on', async () => {
  await using proxy = await proxyFor(given('pulsar'))
  const lab = pulsarLab()
  const topic = topicName()
  const sink = await lab.sink({ topic })
  await lab.publish(sink, [answer(lab, '0')])
  const connection = lab.connect({ url: proxy.url })
  await using first = new Ear(await inbox(lab, topic, 'sluice-lab', connection))
  await lab.publish(sink, [answer(lab, '1'), answer(lab, '2')])
  await first.hears(2)
  expect(first.correlations).toEqual(['1', '2'])
  expect(first.heard[0]!.message.properties).not.toHaveProperty('correlationId')
  const { properties } = first.inbox.ask(lab.message(), 'c')
  expect(properties).toMatchObject({ replyTo: `persistent://public/default/${topic}`, correlationId: 'c' })
  await proxy.cut()
  expect((await first.ended)?.code).toBe('CONNECTION_LOST')
  await lab.publish(sink, [answer(lab, '3')])
  await first.inbox[Symbol.asyncDispose]()
  await proxy.restore()
  await using second = new Ear(await inbox(lab, topic, 'sluice-lab', connection))
  // Another inbox is another gateway's: it begins at the end.
  await using other = new Ear(await inbox(lab, topic, 'sluice-other', connection))
  await lab.publish(sink, [answer(lab, '4')])
  await Promise.all([second.hears(2), other.hears(1)])
  expect([second.correlations, other.correlations]).toEqual([['3', '4'], ['4']])
})

test('an answer that waits for the next session is heard, however early it comes', async () => {
  const lab = pulsarLab()
  const topic = topicName()
  const sink = await lab.sink({ topic })
  await using start = new Ear(await inbox(lab, topic))
  await lab.publish(sink, [answer(lab, 'first')])
  await start.hears(1)
  await start[Symbol.asyncDispose]()
  for (let n = 0; n < 20; n++) {
    await lab.publish(sink, [answer(lab, String(n))])
    await using ear = new Ear(await inbox(lab, topic))
    await ear.hears(1)
    expect(ear.correlations).toEqual([String(n)])
  }
})

test('more answers than its queue takes come one after the other, and nothing stays in the broker', async () => {
  const lab = pulsarLab()
  const topic = topicName()
  const sink = await lab.sink({ topic })
  const opened = await inbox(lab, topic)
  await lab.publish(
    sink,
    Array.from({ length: 2_500 }, (_, n) => answer(lab, String(n))),
  )
  {
    await using ear = new Ear(opened)
    await ear.hears(2_500)
    expect(ear.correlations).toEqual(Array.from({ length: 2_500 }, (_, n) => String(n)))
  }
  const path = `persistent/public/default/${topic}/stats`
  await expect
    .poll(async () => (await callPulsar(given('pulsar'), 'GET', path)) as object)
    .toMatchObject({
      subscriptions: {},
    })
})

test('of a topic with partitions each session hears all, from its opening on', async () => {
  const lab = pulsarLab()
  const topic = topicName()
  await callPulsar(given('pulsar'), 'PUT', `persistent/public/default/${topic}/partitions`, 3)
  const sink = await lab.sink({ topic, key: '${properties.correlationId}' })
  const ask = (from: number) => Array.from({ length: 12 }, (_, n) => answer(lab, String(from + n)))
  {
    await using first = new Ear(await inbox(lab, topic))
    await lab.publish(sink, ask(0))
    await first.hears(12)
    expect(new Set(first.heard.map(({ message }) => message.source.sequence)).size).toBe(3)
  }
  await using second = new Ear(await inbox(lab, topic))
  await lab.publish(sink, ask(12))
  await second.hears(12)
  expect(second.correlations.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, n) => 12 + n))
})

test('an address that cannot be one', async () => {
  const lab = pulsarLab()
  const { signal } = lab
  const context = { route: 'r', inFlight: 1, inFlightBytes: 1e6, log: console, status: () => {} }
  const open = (address: string) =>
    lab.connection.inbox!({ name: 'n', address, sink: { topic: 'asked' }, timeoutMs: 1_000 }, context, signal)
  await expect(open('a/b')).rejects.toMatchObject({ code: 'OPTIONS_INVALID' })
  await expect(open('persistent://public/default/asked')).rejects.toMatchObject({ code: 'OPTIONS_INVALID' })
  await expect(open('public/nowhere/a')).rejects.toMatchObject({ code: 'ADDRESS_MISSING' })
})

test('one answer that goes nowhere does not hurt its neighbours', async () => {
  const lab = pulsarLab()
  const answerer = await lab.answerer()
  const topic = topicName()
  const address = { name: topic, sink: {}, source: () => ({ topic }) }
  const requester = await lab.receiver(address)
  const to = (replyTo: string, id: string) => ({
    request: lab.message({ properties: { replyTo, correlationId: id } }),
    reply: lab.message({ id }),
    error: undefined,
  })
  const full = `persistent://public/default/${topic}`
  const asked = [to(topic, 'a'), to('public/nowhere/a', 'b'), to('a/b', 'c'), to(full, 'd')]
  const results = await answerer.answer(asked, lab.signal)
  expect(results.map(result => result?.code)).toEqual([undefined, 'REQUESTER_GONE', 'MESSAGE_REFUSED', undefined])
  const got = await requester.take(2)
  expect(got.map(({ message }) => [message.properties.correlationId, message.subject]).toSorted()).toEqual([
    ['a', topic],
    ['d', topic],
  ])
  expect(answerer.expects(lab.message())).toBe(false)
})
