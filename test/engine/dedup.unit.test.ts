import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { DedupConfig } from '../../src/config/schema.ts'
import { SluiceError } from '../../src/core/errors.ts'
import type { Claim, Plugin, Store } from '../../src/core/ports.ts'
import { MemoryStore } from '../../src/stores/memory.ts'
import { Lab, type LabOptions, route, until } from './lab.ts'

const baseDir = mkdtempSync(join(tmpdir(), 'sluice-dedup-'))
afterAll(() => rmSync(baseDir, { recursive: true, force: true }))

let made = 0
/** A route of its own name, so that it has keys of its own in a store of files. */
function rig(store = 'memory', changes: Parameters<typeof route>[0] = {}, options: LabOptions = {}) {
  const dedup: DedupConfig = { by: '${id}', window: '10m', count: 100_000, store, options: {} }
  const lab = new Lab({ baseDir, ...options })
  return { lab, config: route({ name: `dedup-${++made}`, dedup, ...changes }) }
}

const acked = (lab: Lab) => until('all acked', () => lab.here.contents('in').length === 0)

/** A store in memory whose calls the test may break. */
function breakable(before: (call: 'claim' | 'confirm' | 'forget', keys: readonly string[]) => void) {
  const store = new MemoryStore(1_000)
  const broken: Store = {
    async claim(keys, lease): Promise<readonly Claim[]> {
      before('claim', keys)
      return store.claim(keys, lease)
    },
    async confirm(keys, remember) {
      before('confirm', keys)
      return store.confirm(keys, remember)
    },
    async forget(keys) {
      before('forget', keys)
      return store.forget(keys)
    },
    async [Symbol.asyncDispose]() {},
  }
  const plugin: Plugin = { name: 'b', stores: [{ name: 'breakable', schema: {} as never, open: async () => broken }] }
  return { store: broken, plugin }
}

for (const store of ['memory', 'file']) {
  describe(`copies, with keys in ${store}`, () => {
    test('in one batch, in one lane, in other lanes: one of each arrives, all are acked', async () => {
      const { lab, config } = rig(store)
      for (let n = 0; n < 300; n++) lab.send({ id: `m${n % 100}`, key: `k${n % 7}` })
      const { gateway } = lab.start([config])
      await acked(lab)
      expect([...lab.stored()].sort()).toEqual(Array.from({ length: 100 }, (_, n) => `m${n}`).sort())
      await gateway.stop(1_000)
      expect(lab.here.ledger?.settledTwice()).toEqual([])
    })

    test('that come after the first was confirmed are acked and counted', async () => {
      const { lab, config } = rig(store)
      const { gateway } = lab.start([config])
      for (let again = 0; again < 3; again++) {
        lab.send({ id: 'a' })
        await acked(lab)
      }
      expect(lab.stored()).toEqual(['a'])
      expect(await gateway.metrics()).toContain(`sluice_deduplicated_total{route="${config.name}"} 2`)
      await gateway.stop(1_000)
    })

    // Invariant 5: a key marked on first sight is lost with the message when the first try fails.
    test('of a message that was put aside are fresh again', async () => {
      const { lab, config } = rig(store)
      let bad = true
      lab.there.faults.judge = one =>
        bad && one.headers.get('sluice-dead-reason') === undefined ? 'MESSAGE_REFUSED' : undefined
      const { gateway } = lab.start([config])
      lab.send({ id: 'a' })
      await acked(lab)
      expect(lab.stored('dead')).toEqual(['a'])
      bad = false
      lab.send({ id: 'a' })
      await acked(lab)
      expect(lab.stored()).toEqual(['a'])
      await gateway.stop(1_000)
    })

    test('of a message that expired on the line are fresh: the session is lost while the target is away', async () => {
      const { lab, config } = rig(store)
      const { gateway } = lab.start([config])
      await until('it runs', () => gateway.status[0]?.state === 'running')
      lab.there.reach.goDown()
      for (let n = 0; n < 20; n++) lab.send({ id: `m${n}`, key: `k${n % 3}` })
      await until('it holds', () => gateway.status[0]?.state === 'holding')
      lab.here.reach.disconnect()
      lab.there.reach.comeUp()
      await acked(lab)
      expect([...lab.stored()].sort()).toEqual(Array.from({ length: 20 }, (_, n) => `m${n}`).sort())
      await gateway.stop(1_000)
    })

    test('after a kill between publishing and remembering arrive at most once more, and none is lost', async () => {
      const { lab, config } = rig(store)
      lab.there.faults.set({ confirmMs: 5 })
      for (let n = 0; n < 200; n++) lab.send({ id: `m${n}`, key: `k${n % 5}` })
      const { kill } = lab.start([config])
      await until('some arrived', () => lab.stored().length > 50)
      await kill()
      const { gateway } = lab.start([config])
      await acked(lab)
      expect(new Set(lab.stored()).size).toBe(200)
      expect(lab.stored().length).toBeLessThanOrEqual(400)
      await gateway.stop(1_000)
    })
  })
}

describe('a store that is away', () => {
  test.each(['claim', 'confirm', 'forget'] as const)(
    'at a %s holds the route, says so, and goes on by itself',
    async call => {
      let away = true
      let calls = 0
      const { plugin } = breakable(which => {
        if (which !== call || !away) return
        calls++
        throw new Error('disk full')
      })
      const { lab, config } = rig('breakable', {}, { plugins: [plugin] })
      if (call === 'forget')
        lab.there.faults.judge = one =>
          one.headers.get('sluice-dead-reason') === undefined ? 'MESSAGE_REFUSED' : undefined
      for (let n = 0; n < 30; n++) lab.send({ key: `k${n % 3}` })
      const { gateway } = lab.start([config])
      await until('asked', () => calls > 1)
      expect(gateway.status[0]).toMatchObject({
        state: 'holding',
        conditions: [{ part: 'dedup', code: 'STORE_AWAY', message: 'disk full' }],
      })
      if (call === 'claim') expect(lab.stored()).toEqual([])
      if (call !== 'forget') expect(lab.here.contents('in').length).toBe(30)
      away = false
      await acked(lab)
      await until('it runs', () => gateway.status[0]?.state === 'running')
      expect(new Set(lab.stored(call === 'forget' ? 'dead' : 'out')).size).toBe(30)
      await gateway.stop(1_000)
    },
  )

  test('does not keep the gateway from stopping', async () => {
    const { plugin } = breakable(() => {
      throw new Error('disk full')
    })
    const { lab, config } = rig('breakable', {}, { plugins: [plugin] })
    lab.send()
    const { gateway } = lab.start([config])
    await until('it holds', () => gateway.status[0]?.state === 'holding')
    const began = performance.now()
    await gateway.stop(20_000)
    expect(performance.now() - began).toBeLessThan(15_000)
  })

  // Was: an answer that is missing passed for `done`, and the message was acked without having been delivered.
  test.each<[string, readonly unknown[]]>([
    ['too few answers', []],
    ['nonsense', ['yes']],
  ])('or gives %s loses nothing', async (_, answers) => {
    let broken = true
    const { store, plugin } = breakable(() => {})
    const { claim } = store
    store.claim = async (keys, lease) => (broken ? (answers as Claim[]) : claim(keys, lease))
    const { lab, config } = rig('breakable', {}, { plugins: [plugin] })
    lab.send()
    const { gateway } = lab.start([config])
    await until('it holds', () => gateway.status[0]?.state === 'holding')
    expect(lab.here.contents('in').length).toBe(1)
    broken = false
    await acked(lab)
    expect(lab.stored().length).toBe(1)
    await gateway.stop(1_000)
  })

  test('at the start holds the route until it can be opened', async () => {
    let tries = 0
    const plugin: Plugin = {
      name: 'b',
      stores: [
        {
          name: 'late',
          schema: {} as never,
          async open() {
            if (++tries < 3) throw new SluiceError('STORE_AWAY', 'the file is in use')
            return new MemoryStore(10)
          },
        },
      ],
    }
    const { lab, config } = rig('late', {}, { plugins: [plugin] })
    lab.send()
    const { gateway } = lab.start([config])
    await until('it says so', () => gateway.status[0]?.conditions[0]?.message === 'the file is in use')
    await acked(lab)
    expect(tries).toBe(3)
    await gateway.stop(1_000)
  })
})

describe('a key that cannot be had', () => {
  const by = '${body.key}'
  const bodies = [{ key: 'a' }, { other: 1 }, { key: '' }, { key: 'b' }, { key: [1] }, { key: 7 }]

  test('makes poison, and the neighbours pass', async () => {
    const { lab, config } = rig('memory')
    for (const [n, body] of bodies.entries()) lab.send({ id: `m${n}`, key: 'one lane', body })
    const { gateway } = lab.start([{ ...config, dedup: { ...config.dedup!, by } }])
    await acked(lab)
    expect(lab.stored()).toEqual(['m0', 'm3', 'm5'])
    expect([...lab.stored('dead')].sort()).toEqual(['m1', 'm2', 'm4'])
    expect(lab.there.contents('dead')[0]?.headers.view).toMatchObject({
      'sluice-dead-reason': 'EXPRESSION_FAILED',
      'sluice-dead-stage': 'dedup',
    })
    await gateway.stop(1_000)
  })

  test('blocks its lane where nothing is put aside; the others run, and the route says so', async () => {
    const { lab, config } = rig('memory', { deadLetter: undefined })
    for (const [n, body] of bodies.entries()) lab.send({ id: `m${n}`, key: 'one lane', body })
    for (let n = 0; n < 10; n++) lab.send({ id: `x${n}`, key: 'other', body: { key: `x${n}` } })
    const { gateway } = lab.start([{ ...config, dedup: { ...config.dedup!, by } }])
    await until('the others passed', () => lab.stored().length === 11)
    await until('it waits for its next attempt', () => gateway.status[0]?.heldLanes === 1)
    expect(gateway.status[0]).toMatchObject({
      state: 'running',
      conditions: [{ part: 'message', code: 'EXPRESSION_FAILED' }],
    })
    await gateway.stop(1_000)
  })
})
