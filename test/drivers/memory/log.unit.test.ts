import { expect, test } from 'vitest'
import { SluiceError } from '../../../src/core/errors.ts'
import type { MemoryLog } from '../../../src/drivers/memory/log.ts'
import { flushed, idsOf, MemoryLab, Reader } from './memory-lab.ts'

const committed = (lab: MemoryLab, group = 'sluice') => (lab.broker.place('a') as MemoryLog).committed(group)

test('commits the contiguous watermark, whatever the order of the acks', async () => {
  const lab = new MemoryLab({ mode: 'log' })
  await lab.publish(await lab.sink(), 'k/1', 'k/2', 'k/3', 'k/4')
  const [one, two, three] = await new Reader(await lab.source()).take(4)
  three!.ack()
  two!.ack()
  await flushed()
  expect(committed(lab)).toEqual([0])
  one!.ack()
  await flushed()
  expect(committed(lab)).toEqual([3])
})

test('a key stays in its partition, and partitions are shared over the members of a group', async () => {
  const lab = new MemoryLab({ mode: 'log' })
  const place = { partitions: 4 }
  const ids = Array.from({ length: 80 }, (_, n) => `key-${n % 8}/${n}`)
  await lab.publish(await lab.sink(place), ...ids)
  const one = await lab.source(place)
  const two = await lab.source(place)
  const got = (await Promise.all([one, two].map(source => new Reader(source).next()))).flat()
  expect(idsOf(got).toSorted()).toEqual(ids.toSorted())
  const homes = Map.groupBy(got, ({ message }) => message.keyText)
  for (const home of homes.values()) expect(new Set(home.map(({ message }) => message.source.sequence)).size).toBe(1)
})

test('a rebalance expires what was not settled, and a late ack commits nothing', async () => {
  const lab = new MemoryLab({ mode: 'log' })
  await lab.publish(await lab.sink({ partitions: 2 }), ...Array.from({ length: 20 }, (_, n) => `key-${n}/${n}`))
  const first = await lab.source({ partitions: 2 })
  const got = await new Reader(first).take(20)
  const joined = await lab.source({ partitions: 2 })
  const moved = got.filter(delivery => delivery.expired)
  expect(new Set(moved.map(({ message }) => message.source.sequence))).toEqual(new Set(['a/1']))
  for (const delivery of moved) delivery.ack()
  await flushed()
  expect(committed(lab)![1]).toBe(0)
  expect(idsOf(await new Reader(joined).take(moved.length))).toEqual(idsOf(moved))
})

test('a released message comes again from the source itself and holds the watermark', async () => {
  const lab = new MemoryLab({ mode: 'log' })
  await lab.publish(await lab.sink(), 'k/1', 'k/2')
  const reader = new Reader(await lab.source())
  const [one, two] = await reader.take(2)
  one!.release(10)
  two!.ack()
  const [again] = await reader.next()
  expect(committed(lab)).toEqual([0])
  expect(idsOf([again!])).toEqual(['k/1'])
  expect(again!.message.source.attempt).toBe(2)
  again!.ack()
  await flushed()
  expect(committed(lab)).toEqual([2])
})

test('what is held back counts as in flight', async () => {
  const lab = new MemoryLab({ mode: 'log' })
  await lab.publish(await lab.sink(), 'k/1', 'k/2', 'k/3', 'k/4')
  const reader = new Reader(await lab.source({}, 2))
  for (const delivery of await reader.next()) delivery.release(30)
  expect(idsOf(await reader.take(2)).toSorted()).toEqual(['k/1', 'k/2'])
})

test('a full log forgets what every group has committed, and refuses when it may forget nothing', async () => {
  const lab = new MemoryLab({ mode: 'log' })
  lab.broker.create('a', { mode: 'log', limit: 2 })
  const sink = await lab.sink()
  expect(await lab.publish(sink, 'k/1', 'k/2', 'k/3')).toEqual([undefined, undefined, 'NACKED'])
  const [one, two] = await new Reader(await lab.source()).take(2)
  expect(await lab.publish(sink, 'k/3')).toEqual(['NACKED'])
  one!.ack()
  two!.ack()
  await flushed()
  expect(await lab.publish(sink, 'k/3')).toEqual([undefined])
  expect(lab.contents()).toEqual(['k/3'])
})

test('an address is what it was made: another mode or other partitions are refused', async () => {
  const lab = new MemoryLab({ mode: 'log' })
  lab.broker.create('a', { mode: 'queue' })
  lab.broker.create('b', { mode: 'log', partitions: 2 })
  for (const options of [{ address: 'a' }, { address: 'b', partitions: 3 }]) {
    const error = await lab.source(options).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(SluiceError)
    expect((error as SluiceError).code).toBe('ADDRESS_MISMATCH')
  }
})
