import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Headers } from '../../src/core/headers.ts'
import type { Plugin, Transform } from '../../src/core/ports.ts'
import { createMemoryDriver } from '../../src/drivers/memory/driver.ts'
import { orderKey } from '../../src/engine/order.ts'
import { message } from '../core/sample.ts'
import { effort } from '../effort.ts'
import { Lab, type LabOptions, route, until } from './lab.ts'

const FEATURES = createMemoryDriver().features
const acked = (lab: Lab) => until('all acked', () => lab.here.contents('in').length === 0)

describe('the ordering key', () => {
  const by = (template: string) => orderKey(route({ order: { by: template } }), FEATURES)

  test.each<[string, unknown, string | undefined]>([
    ['a text', 'a', 'a'],
    ['an empty text', '', ''],
    ['a number', 7, '7'],
    ['a fraction', 0.5, '0.5'],
    ['true', true, 'true'],
    ['null', null, undefined],
  ])('of %s', (_, value, expected) => {
    expect(by('${body.k}')(message({ body: { k: value } }))).toBe(expected)
  })

  test('of a list or a map is poison', () => {
    for (const k of [[1], { a: 1 }])
      expect(() => by('${body.k}')(message({ body: { k } }))).toThrow(/not a text or a number/)
  })

  test('of bytes that are no text tells them apart', () => {
    const key = orderKey(route(), FEATURES)
    const [a, b] = [Buffer.from([0xff, 0xfe]), Buffer.from([0xff, 0xfd])]
    expect(key(message({ key: a }))).not.toBe(key(message({ key: b })))
    expect(key(message({ key: a }))).toBe(key(message({ key: Buffer.from(a) })))
  })

  test('is the one of the target by default, else the one of the message, and can be switched off', () => {
    const one = message({ key: 'own', headers: [['user', 'u1']] })
    const to = { connection: 'there', options: { address: 'out', key: '${headers.user}' } }
    expect(orderKey(route({ to }), FEATURES)(one)).toBe('u1')
    expect(orderKey(route(), FEATURES)(one)).toBe('own')
    expect(orderKey(route({ to, order: 'none' }), FEATURES)(one)).toBeUndefined()
    expect(orderKey(route({ to, order: 'source' }), FEATURES)(one)).toBe('orders')
    expect(orderKey(route({ to, order: { by: '${key}' } }), FEATURES)(one)).toBe('own')
    expect(orderKey(route(), FEATURES)(message({ key: null }))).toBeUndefined()
  })
})

/** Takes a random time, drops some, and makes two of others. */
function restless(seed: number): Plugin {
  let state = seed >>> 0
  const random = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32
  const transform: Transform = async one => {
    if (random() < 0.5) await new Promise(resolve => setTimeout(resolve, random() * 3))
    if (one.id.endsWith('7')) return undefined
    return one.id.endsWith('5') ? [one.with({ id: `${one.id}a` }), one.with({ id: `${one.id}b` })] : one
  }
  return { name: 'restless', transforms: [{ name: 'restless', schema: {} as never, create: () => transform }] }
}

const outputs = (id: string) => (id.endsWith('7') ? [] : id.endsWith('5') ? [`${id}a`, `${id}b`] : [id])

describe('the order of a key', () => {
  const scenario = fc.record({
    seed: fc.integer(),
    order: fc.constantFrom('key' as const, 'header' as const, 'source' as const),
    from: fc.constantFrom('queue' as const, 'log' as const),
    orderedBatch: fc.boolean(),
    plugin: fc.boolean(),
    nack: fc.integer({ min: 0, max: 30 }).map(percent => percent / 100),
    poison: fc.constantFrom(0, 11),
    losses: fc.integer({ min: 0, max: 3 }),
    outages: fc.integer({ min: 0, max: 1 }),
    dedup: fc.boolean(),
  })

  test('is kept through retries, poison, lost sessions, outages, splits and slow plug-ins (property)', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async run => {
        const COUNT = 120
        const lab = new Lab({ ...run, plugins: [restless(run.seed)] })
        const sent: { id: string; lane: string }[] = []
        for (let n = 0; n < COUNT; n++) {
          const [key, user] = [`k${n % 5}`, `u${n % 3}`]
          const id = lab.send({ id: `m${n}`, key, headers: Headers.of({ user }) })
          sent.push({ id, lane: run.order === 'key' ? key : run.order === 'header' ? user : '' })
        }
        const bad = (id: string) => run.poison > 0 && Number.parseInt(id.slice(1), 10) % run.poison === 3
        lab.there.faults.set({ nack: run.nack, confirmMs: 2 })
        lab.there.faults.judge = one =>
          bad(one.id) && one.headers.get('sluice-dead-reason') === undefined ? 'MESSAGE_REFUSED' : undefined
        const { gateway } = lab.start([
          route({
            order: run.order === 'source' ? 'source' : { by: run.order === 'key' ? '${key}' : '${headers.user}' },
            transform: run.plugin ? [{ name: 'restless', options: {}, timeout: '10s' }] : [],
            dedup: run.dedup ? { by: '${id}', window: '1m', count: 1_000, store: 'memory', options: {} } : undefined,
            retry: { attempts: 1_000 },
            inFlight: 30,
          }),
        ])
        for (let n = 0; n < run.losses; n++) {
          const mark = lab.stored().length + 10
          await until('some passed', () => lab.stored().length >= Math.min(mark, 60))
          if (n < run.outages) {
            lab.there.reach.goDown()
            await new Promise(resolve => setTimeout(resolve, 5))
          }
          lab.here.reach.disconnect()
          lab.there.reach.comeUp()
        }
        const expected = sent.flatMap(({ id }) => (run.plugin ? outputs(id) : [id]).filter(one => !bad(one)))
        await until('all arrived', () => new Set(lab.stored()).size === expected.length)
        await until('all settled', () => gateway.status[0]?.inFlight === 0)
        await gateway.stop(5_000)
        // The log has three partitions, each with an order of its own: between them there was none to begin with.
        const partition = new Map(lab.here.ledger?.deliveries.map(each => [each.id, each.position.split(':')[0]]))
        const laneOf = (id: string) =>
          `${sent.find(each => each.id === id)!.lane} ${run.from === 'log' ? partition.get(id) : ''}`
        const origin = (id: string) => id.replace(/[ab]$/, '')
        for (const lane of new Set(sent.map(({ id }) => laneOf(id)))) {
          const arrived = lab.firsts().filter(id => laneOf(origin(id)) === lane)
          expect(arrived).toEqual(expected.filter(id => laneOf(origin(id)) === lane))
        }
        expect(lab.here.ledger?.settledTwice()).toEqual([])
      }),
      { numRuns: Number(process.env.SLUICE_RUNS ?? effort(40)), endOnFailure: true },
    )
  })
})

describe('a message that fails again and again', () => {
  const options: LabOptions[] = [{ orderedBatch: true }, { orderedBatch: false }]

  test.each(options)('holds its own key and nothing else (orderedBatch: $orderedBatch)', async labOptions => {
    const lab = new Lab(labOptions)
    for (let n = 0; n < 1_000; n++) lab.send({ id: `m${n}`, key: `k${n % 10}` })
    let bad = true
    lab.there.faults.judge = one => (bad && one.id === 'm3' ? 'NACKED' : undefined)
    const { gateway } = lab.start([route({ retry: { attempts: 1_000_000 }, inFlight: 2_000 })])
    await until('all other keys passed', () => lab.stored().length === 900)
    expect(lab.stored().filter(id => Number(id.slice(1)) % 10 === 3)).toEqual([])
    await until('its key waits', () => gateway.status[0]?.heldLanes === 1)
    expect(gateway.status[0]?.state).toBe('running')
    bad = false
    await acked(lab)
    const held = lab.stored().filter(id => Number(id.slice(1)) % 10 === 3)
    expect(held).toEqual(Array.from({ length: 100 }, (_, n) => `m${n * 10 + 3}`))
    await gateway.stop(1_000)
  })

  test('holds nobody when nothing is ordered', async () => {
    const lab = new Lab()
    for (let n = 0; n < 100; n++) lab.send({ id: `m${n}`, key: 'same' })
    lab.there.faults.judge = one => (one.id === 'm3' ? 'NACKED' : undefined)
    const { gateway } = lab.start([route({ order: 'none', retry: { attempts: 1_000_000 } })])
    await until('all others passed', () => lab.stored().length === 99)
    await gateway.stop(100)
  })

  test('holds all behind it under `order: source`, and lets them go in order', async () => {
    const lab = new Lab()
    for (let n = 0; n < 100; n++) lab.send({ id: `m${n}`, key: `k${n}` })
    let bad = true
    lab.there.faults.judge = one => (bad && one.id === 'm3' ? 'NACKED' : undefined)
    const { gateway } = lab.start([route({ order: 'source', retry: { attempts: 1_000_000 } })])
    await until('it waits', () => gateway.status[0]?.heldLanes === 1)
    expect(lab.firsts()).toEqual(['m0', 'm1', 'm2'])
    bad = false
    await acked(lab)
    expect(lab.firsts()).toEqual(Array.from({ length: 100 }, (_, n) => `m${n}`))
    await gateway.stop(1_000)
  })
})
