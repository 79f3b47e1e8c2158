import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { quiet } from '../../src/core/quiet-log.ts'
import { FileStore, file } from '../../src/stores/file.ts'
import { effort } from '../effort.ts'
import { StoreModel } from './store-model.ts'
import { storeSuite } from './store-suite.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-file-store-'))
afterAll(() => rmSync(folder, { recursive: true }))
const fresh = (
  (count: number) => () =>
    join(folder, `${count++}.db`)
)(0)

storeSuite({
  label: 'file',
  runs: 40,
  open: (maxKeys, clock) => FileStore.open(fresh(), maxKeys, false, () => clock.now),
})

describe('a file that is opened again', () => {
  it('remembers what was confirmed, frees what was claimed, and says which', async () => {
    const path = fresh()
    {
      await using store = await FileStore.open(path, 100)
      await store.claim(['done', 'open', 'forgotten'], 60_000)
      await store.confirm(['done'], 60_000)
      await store.forget(['forgotten'])
    }
    await using store = await FileStore.open(path, 100)
    const doubts = await store.inDoubt()
    expect(doubts.map(({ key }) => key)).toEqual(['open'])
    expect(Date.now() - doubts[0]!.claimedAt).toBeLessThan(60_000)
    expect(await store.claim(['done', 'open', 'forgotten'], 60_000)).toEqual(['done', 'fresh', 'fresh'])
    expect(await store.inDoubt()).toEqual([])
  })

  it('keeps a doubt through another restart, until it is settled', async () => {
    const path = fresh()
    const doubts = async (work: (store: FileStore) => Promise<unknown>) => {
      await using store = await FileStore.open(path, 100)
      const keys = (await store.inDoubt()).map(({ key }) => key)
      await work(store)
      return keys
    }
    expect(await doubts(store => store.claim(['a', 'b', 'c'], 60_000))).toEqual([])
    expect(await doubts(async () => {})).toEqual(['a', 'b', 'c'])
    expect(await doubts(store => store.confirm(['a'], 60_000))).toEqual(['a', 'b', 'c'])
    expect(await doubts(store => store.forget(['b']))).toEqual(['b', 'c'])
    expect(await doubts(store => store.claim(['c'], 60_000))).toEqual(['c'])
    expect(await doubts(store => store.confirm(['c'], 60_000))).toEqual(['c'])
    expect(await doubts(async () => {})).toEqual([])
  })

  it('holds fewer keys when fewer are to be remembered: the newest', async () => {
    const path = fresh()
    {
      await using store = await FileStore.open(path, 100)
      for (const key of 'abcdef') await store.confirm([key], 60_000)
    }
    await using store = await FileStore.open(path, 2)
    expect(await store.claim([...'adef'], 60_000)).toEqual(['fresh', 'fresh', 'done', 'done'])
  })

  it('has lost nothing, whatever was done before, however often it was opened (property)', async () => {
    const some = fc.array(fc.constantFrom(...'abcdef'), { maxLength: 4 })
    const kinds = fc.constantFrom('claim', 'confirm', 'forget', 'wait', 'restart')
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(fc.tuple(kinds, some)), async (most, steps) => {
        const path = fresh()
        const clock = { now: 1_000 }
        const model = new StoreModel(most)
        const doubts = new Set<string>()
        let store = await FileStore.open(path, most, false, () => clock.now)
        for (const [kind, keys] of steps) {
          if (kind === 'claim') {
            const answers = await store.claim(keys, 1_000)
            expect(answers).toEqual(model.claim(keys, 1_000, clock.now))
            for (const [i, key] of keys.entries()) if (answers[i] === 'fresh') doubts.delete(key)
          } else if (kind === 'confirm') {
            await store.confirm(keys, 40)
            model.confirm(keys, 40, clock.now)
            for (const key of keys) doubts.delete(key)
          } else if (kind === 'forget') {
            await store.forget(keys)
            model.forget(keys)
            for (const key of keys) doubts.delete(key)
          } else if (kind === 'wait') clock.now += 10 * keys.length
          else {
            await store[Symbol.asyncDispose]()
            store = await FileStore.open(path, most, false, () => clock.now)
            for (const key of model.restart()) doubts.add(key)
            expect((await store.inDoubt()).map(({ key }) => key).toSorted()).toEqual([...doubts].toSorted())
          }
        }
        await store[Symbol.asyncDispose]()
      }),
      { numRuns: effort(20) },
    )
  })
})

describe('the file on disk', () => {
  it('stays as large as what it remembers', async () => {
    const path = fresh()
    const clock = { now: 1_000 }
    await using store = await FileStore.open(path, 10_000, false, () => clock.now)
    let settled = 0
    for (let round = 0; round < 200; round++) {
      const keys = Array.from({ length: 500 }, (_, i) => `${round}-${i}`)
      await store.claim(keys, 60_000)
      await store.confirm(keys, 60_000)
      if (round === 100) settled = statSync(path).size
    }
    expect(settled).toBeGreaterThan(100_000)
    expect(statSync(path).size).toBeLessThan(settled * 1.5)
    expect(statSync(`${path}-wal`).size).toBeLessThan(17 * 2 ** 20)
  })

  it('shrinks when the window is over', async () => {
    const path = fresh()
    const clock = { now: 1_000 }
    await using store = await FileStore.open(path, 100_000, false, () => clock.now)
    for (let round = 0; round < 100; round++)
      await store.confirm(
        Array.from({ length: 1_000 }, (_, i) => `${round}-${i}`),
        1_000,
      )
    clock.now += 1_000
    const again = Array.from({ length: 600 }, (_, i) => `again-${i}`)
    for (let round = 0; round < 200; round++) await store.confirm(again, 1_000)
    await store[Symbol.asyncDispose]()
    expect(statSync(path).size).toBeLessThan(200_000)
  })
})

describe('opened by name', () => {
  it('each route has a file of its own, whatever it is called', async () => {
    const open = (name: string) => file.open({ dir: 'keys' }, { name, baseDir: folder, maxKeys: 10, log: quiet })
    await using first = await open('orders')
    await using second = await open('../a b')
    await first.confirm(['x'], 60_000)
    expect(await second.claim(['x'], 60_000)).toEqual(['fresh'])
    expect(readdirSync(join(folder, 'keys')).filter(name => name.endsWith('.db'))).toEqual([
      '..%2Fa%20b.db',
      'orders.db',
    ])
  })

  it('fsync works too', async () => {
    await using store = await file.open(
      { dir: 'keys', fsync: true },
      { name: 'f', baseDir: folder, maxKeys: 10, log: quiet },
    )
    await store.confirm(['x'], 60_000)
    expect(await store.claim(['x'], 60_000)).toEqual(['done'])
  })
})

describe('a file that cannot be used is a sentence', () => {
  it('when it belongs to another', async () => {
    const path = fresh()
    await using _ = await FileStore.open(path, 10)
    await expect(FileStore.open(path, 10)).rejects.toMatchObject({
      code: 'ADDRESS_IN_USE',
      message: `the dedup store ${path} belongs to another process`,
    })
  })

  it.each<[string, (path: string) => void, RegExp]>([
    ['is something else', path => writeFileSync(path, 'text '.repeat(1_000)), /is damaged, or no dedup store at all/],
    ['is a folder', path => mkdirSync(path), /cannot be opened/],
  ])('when it %s', async (_, prepare, words) => {
    const path = fresh()
    prepare(path)
    await expect(FileStore.open(path, 10)).rejects.toMatchObject({
      code: 'STORE_AWAY',
      message: expect.stringMatching(words),
    })
  })

  it('when it is damaged inside', async () => {
    const path = fresh()
    {
      await using store = await FileStore.open(path, 10_000)
      for (let i = 0; i < 100; i++)
        await store.confirm(
          Array.from({ length: 50 }, (_, k) => `${i}-${k}`),
          60_000,
        )
    }
    const size = statSync(path).size
    const bytes = Buffer.alloc(size, 0xa5)
    const { readFileSync } = await import('node:fs')
    readFileSync(path).copy(bytes, 0, 0, 4_096)
    writeFileSync(path, bytes)
    await expect(FileStore.open(path, 10_000)).rejects.toMatchObject({
      code: 'STORE_AWAY',
      message: expect.stringMatching(/is damaged/),
    })
  })

  it('when its folder cannot be made', async () => {
    const blocked = fresh()
    writeFileSync(blocked, '')
    await expect(
      file.open({ dir: blocked }, { name: 'n', baseDir: '/', maxKeys: 10, log: quiet }),
    ).rejects.toMatchObject({
      code: 'STORE_AWAY',
      message: expect.stringMatching(/cannot be made/),
    })
  })

  it('when it was closed', async () => {
    const store = await FileStore.open(fresh(), 10)
    await store[Symbol.asyncDispose]()
    await store[Symbol.asyncDispose]()
    await expect(store.claim(['a'], 1)).rejects.toMatchObject({ code: 'STORE_AWAY' })
  })
})
