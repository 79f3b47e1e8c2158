import { expect, it } from 'vitest'
import type { Delivery, Source } from '../../../src/core/ports.ts'
import type { SourceOptions } from '../../../src/drivers/kafka/source-options.ts'
import { given } from '../../brokers/given.ts'
import { proxyFor } from '../../brokers/proxy.ts'
import { KafkaLab, message, numbered, numberOf, Reading } from './kafka-lab.ts'

const lab = () => new KafkaLab(given('kafka').url)
const QUICK = {
  heartbeatInterval: '200ms',
  sessionTimeout: '6s',
  fetch: { maxWait: '50ms' },
  commit: { interval: '50ms' },
}

const ofPartition = (deliveries: readonly Delivery[], partition: number) =>
  deliveries.filter(({ message }) => message.source.position.startsWith(`${partition}:`))

it('a second source joins while work is in flight: it waits for the work, and nothing comes twice', async () => {
  await using it = lab()
  const topic = await it.topic(2)
  const sink = await it.sink({ topic, partition: '${headers.p}' })
  const messages = Array.from({ length: 40 }, (_, i) =>
    message({ bytes: Buffer.from(String(i)), list: [['p', i % 2]] }),
  )
  await it.publish(sink, messages)
  const options: SourceOptions = { topic, group: topic, ...QUICK }
  const first = new Reading(await it.source(options))
  await first.count(40)
  const finishing = setTimeout(() => {
    for (const delivery of first.deliveries) delivery.ack()
  }, 1_500)
  const second = new Reading(await it.source(options), delivery => delivery.ack())
  clearTimeout(finishing)
  expect(first.deliveries.every(({ expired }) => expired)).toBe(true)
  await it.publish(sink, [
    message({ bytes: Buffer.from('40'), list: [['p', 0]] }),
    message({ bytes: Buffer.from('41'), list: [['p', 1]] }),
  ])
  const later = () => [...first.deliveries.slice(40), ...second.deliveries]
  await second.until(() => later().length >= 2)
  expect(later().map(numberOf).sort()).toEqual([40, 41])
})

it('work that does not finish within `drain` comes again to the new owner, and its late ack moves nothing', async () => {
  await using it = lab()
  const topic = await it.topic(2)
  const sink = await it.sink({ topic, partition: '${headers.p}' })
  await it.publish(
    sink,
    Array.from({ length: 10 }, (_, i) => message({ bytes: Buffer.from(String(i)), list: [['p', i % 2]] })),
  )
  const options: SourceOptions = { topic, group: topic, drain: '500ms', ...QUICK }
  const first = new Reading(await it.source(options))
  const old = [...(await first.count(10))]
  for (const delivery of ofPartition(old, 0).slice(0, 2)) delivery.ack()
  const second = new Reading(await it.source(options))
  await second.until(() => old.every(({ expired }) => expired))
  const again = () => [...first.deliveries.slice(10), ...second.deliveries]
  await second.until(() => again().length >= 8)
  for (const delivery of old) {
    delivery.ack()
    delivery.release()
  }
  const moved = again().find(({ message }) => message.source.position === '1:1')
  moved?.ack()
  await new Promise(resolve => setTimeout(resolve, 300))
  expect(await it.committed(topic, topic)).toEqual([2, 0])
  expect(again().map(numberOf).sort()).toEqual([1, 3, 4, 5, 6, 7, 8, 9])
})

it('a member that was cut off and given up: its acks change nothing, its records come to the others, it rejoins', async () => {
  const broker = given('kafka')
  await using healthy = lab()
  await using proxy = await proxyFor(broker)
  await using cutOff = new KafkaLab(proxy.url)
  const topic = await healthy.topic(1)
  const sink = await healthy.sink({ topic })
  await healthy.publish(sink, numbered(5))
  const options: SourceOptions = { topic, group: topic, ...QUICK }
  const zombie = new Reading(await cutOff.source(options))
  const held = [...(await zombie.count(5))]
  proxy.stall()
  const inherited = await healthy.source(options)
  const heir = new Reading(inherited)
  await heir.count(5)
  heir.deliveries[0]!.ack()
  await expect.poll(() => healthy.committed(topic, topic)).toEqual([1])
  for (const delivery of held) delivery.ack()
  proxy.resume()
  await zombie.until(() => held.every(({ expired }) => expired))
  expect(await healthy.committed(topic, topic)).toEqual([1])
  await inherited[Symbol.asyncDispose]()
  expect((await zombie.count(9)).slice(5).map(numberOf)).toEqual([1, 2, 3, 4])
})

it('sources that come, and drain before they go, under load: nothing is lost, nothing comes twice', async () => {
  await using it = lab()
  const topic = await it.topic(4)
  const sink = await it.sink({ topic })
  const seen = new Map<number, number>()
  const onDelivery = (delivery: Delivery) =>
    void setTimeout(() => {
      if (delivery.expired) return
      delivery.ack()
      seen.set(numberOf(delivery), (seen.get(numberOf(delivery)) ?? 0) + 1)
    }, Math.random() * 100)
  const options: SourceOptions = { topic, group: topic, ...QUICK }
  const open = async () => {
    const source = await it.source(options)
    return { source, reading: new Reading(source, onDelivery) }
  }
  const leave = async ({ source, reading }: Awaited<ReturnType<typeof open>>) => {
    await reading.stop()
    await new Promise(resolve => setTimeout(resolve, 150))
    await source[Symbol.asyncDispose]()
  }
  const total = 6_000
  const publishing = (async () => {
    for (let i = 0; i < total; i += 50) {
      await it.publish(
        sink,
        numbered(50, i).map((one, n) => one.with({ key: `key-${n}` })),
      )
      await new Promise(resolve => setTimeout(resolve, 60))
    }
  })()
  const members: { readonly source: Source; readonly reading: Reading }[] = [await open()]
  for (const step of ['join', 'join', 'leave', 'join', 'leave', 'leave']) {
    if (step === 'join') members.push(await open())
    else await leave(members.shift()!)
    await new Promise(resolve => setTimeout(resolve, 700))
  }
  await publishing
  await members[0]!.reading.until(() => seen.size >= total)
  const twice = [...seen].filter(([, times]) => times > 1).map(([number]) => number)
  expect(seen.size).toBe(total)
  expect(twice).toEqual([])
})
