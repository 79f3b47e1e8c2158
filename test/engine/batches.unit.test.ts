import { describe, expect, onTestFinished, test } from 'vitest'
import type { StepConfig } from '../../src/config/schema.ts'
import type { Stored } from '../../src/drivers/memory/stored.ts'
import { Lab, type LabOptions, route, until } from './lab.ts'

const step = (name: string, options: unknown): StepConfig => ({ name, options, timeout: '30s' })
const kept = (lab: Lab, address = 'out'): readonly Stored[] => lab.there.ledger?.published(address) ?? []
const texts = (lab: Lab) => kept(lab).map(({ bytes }) => String(bytes))

function started(options: Parameters<typeof route>[0], more: LabOptions = {}) {
  const lab = new Lab(more)
  const { gateway } = lab.start([route({ order: 'source', ...options })])
  onTestFinished(() => gateway.stop(0))
  return { lab, gateway, status: () => gateway.status[0]! }
}

describe('a batch closes', () => {
  test('by count, and at the end of the route', async () => {
    const { lab, gateway } = started({ transform: [step('batch', { count: 3, every: '10m' })] })
    for (let n = 0; n < 7; n++) lab.send({ body: n })
    await until('two batches', () => kept(lab).length === 2)
    await gateway.stop(5_000)
    expect(texts(lab)).toEqual(['[0,1,2]', '[3,4,5]', '[6]'])
    expect(lab.here.contents('in')).toEqual([])
    expect(lab.here.ledger?.settledTwice()).toEqual([])
  })

  test('by time', async () => {
    const { lab, status } = started({ transform: [step('batch', { every: '30ms' })] })
    lab.send({ body: 0 })
    lab.send({ body: 1 })
    await until('one batch', () => kept(lab).length === 1 && status().inFlight === 0)
    expect(texts(lab)).toEqual(['[0,1]'])
  })

  test('by bytes, before the message that would be too much; a larger one goes alone', async () => {
    const { lab, gateway } = started({ transform: [step('batch', { bytes: '10B', every: '10m', as: 'lines' })] })
    for (const text of ['aaa', 'bbb', 'ccc', 'much longer than ten', 'd']) lab.send({ bytes: Buffer.from(text) })
    await until('three', () => kept(lab).length === 3)
    await gateway.stop(5_000)
    expect(texts(lab)).toEqual(['aaa\nbbb\n', 'ccc\n', 'much longer than ten\n', 'd\n'])
  })

  // A count that can never be reached: what a split makes of one message need not fit.
  test('when the line is full of what it waits for', async () => {
    const { lab } = started({ transform: [step('batch', { count: 100, every: '10m' })], inFlight: 5 })
    for (let n = 0; n < 12; n++) lab.send({ body: n })
    await until('two batches', () => kept(lab).length === 2)
    expect(texts(lab)).toEqual(['[0,1,2,3,4]', '[5,6,7,8,9]'])
    expect(lab.log.lines.join('\n')).toContain('batch(es) closed before their time')
  })
})

describe('batches', () => {
  test('by key keep the order of each, and carry it', async () => {
    const { lab, gateway } = started({ transform: [step('batch', { count: 2, every: '10m', key: '${key}' })] })
    for (let n = 0; n < 9; n++) lab.send({ key: `k${n % 2}`, body: n })
    await until('four batches', () => kept(lab).length === 4)
    await gateway.stop(5_000)
    const of = (key: string) =>
      kept(lab)
        .filter(stored => stored.key === key)
        .map(({ bytes }) => String(bytes))
    expect(of('k0')).toEqual(['[0,2]', '[4,6]', '[8]'])
    expect(of('k1')).toEqual(['[1,3]', '[5,7]'])
  })

  test('of a split message: it is acknowledged with its last piece', async () => {
    const { lab, status } = started({
      transform: [step('split', '${body}'), step('batch', { count: 3, every: '10m' })],
    })
    lab.send({ body: [0, 1] })
    lab.send({ body: [2, 3] })
    await until('a batch', () => kept(lab).length === 1 && status().inFlight === 1)
    expect(texts(lab)).toEqual(['[0,1,2]'])
    lab.send({ body: [4] })
    lab.send({ body: [5] })
    await until('another', () => status().inFlight === 0)
    expect(texts(lab)).toEqual(['[0,1,2]', '[3,4,5]'])
    expect(lab.here.ledger?.settledTwice()).toEqual([])
  })

  test('are without what is no JSON: it is put aside alone', async () => {
    const { lab, status } = started({ transform: [step('batch', { count: 3, every: '10m' })] })
    for (const [n, text] of ['1', '{', '2', '3'].entries()) lab.send({ id: `m${n}`, bytes: Buffer.from(text) })
    await until('a batch and a letter', () => kept(lab).length === 1 && kept(lab, 'dead').length === 1)
    expect(texts(lab)).toEqual(['[1,2,3]'])
    expect(kept(lab, 'dead').map(({ id }) => id)).toEqual(['m1'])
    await until('settled', () => status().inFlight === 0)
  })

  test('that the target refuses become a dead letter for each message, as it was', async () => {
    const { lab, status } = started({ transform: [step('batch', { count: 2, every: '10m' })] })
    lab.there.faults.judge = message =>
      message.id.includes('/batch/') && String(message.bytes) === '[2,3]' ? 'TOO_LARGE' : undefined
    for (let n = 0; n < 6; n++) lab.send({ body: n })
    await until('settled', () => status().received === 6 && status().inFlight === 0)
    expect(texts(lab)).toEqual(['[0,1]', '[4,5]'])
    expect(kept(lab, 'dead').map(({ bytes, headers }) => [String(bytes), headers.get('sluice-dead-reason')])).toEqual([
      ['2', 'TOO_LARGE'],
      ['3', 'TOO_LARGE'],
    ])
  })

  test('have the same id when they are made of the same messages', async () => {
    const { lab, status } = started({
      transform: [step('batch', { count: 2, every: '10m' })],
      retry: { attempts: 100 },
    })
    lab.there.faults.set({ loseConfirm: 1 })
    lab.send({ body: 0 })
    lab.send({ body: 1 })
    await until('stored twice', () => kept(lab).length > 1)
    lab.there.faults.clear()
    await until('settled', () => status().inFlight === 0)
    expect(new Set(kept(lab).map(({ id }) => id)).size).toBe(1)
  })

  test('as messages leave together, each as it was and under its own key', async () => {
    const { lab, status } = started({ transform: [step('batch', { count: 4, every: '10m', as: 'messages' })] })
    for (let n = 0; n < 3; n++) lab.send({ id: `m${n}`, key: `k${n}`, body: n })
    await until('held', () => status().inFlight === 3)
    expect(kept(lab)).toEqual([])
    lab.send({ id: 'm3', key: 'k3', body: 3 })
    await until('all', () => kept(lab).length === 4)
    expect(kept(lab).map(({ id, key }) => [id, key])).toEqual([
      ['m0', 'k0'],
      ['m1', 'k1'],
      ['m2', 'k2'],
      ['m3', 'k3'],
    ])
    await until('settled', () => status().inFlight === 0)
  })

  test('that all expired are not published: they come again', async () => {
    const { lab, status } = started({ transform: [step('batch', { count: 2, every: '10m' })] })
    await until('it runs', () => status().state === 'running')
    lab.there.reach.goDown()
    lab.send({ body: 0 })
    lab.send({ body: 1 })
    await until('it holds', () => status().state === 'holding' && status().inFlight === 2)
    lab.here.reach.disconnect()
    await until('they have left', () => status().inFlight === 0)
    expect(lab.here.ledger?.deliveries.every(({ calls }) => calls.length === 0)).toBe(true)
    lab.there.reach.comeUp()
    await until('they are there', () => kept(lab).length === 1)
    expect(texts(lab)).toEqual(['[0,1]'])
  })
})
