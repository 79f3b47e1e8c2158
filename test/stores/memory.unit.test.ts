import { expect, it } from 'vitest'
import { quiet } from '../../src/core/quiet-log.ts'
import { MemoryStore, memory } from '../../src/stores/memory.ts'
import { storeSuite } from './store-suite.ts'

storeSuite({
  label: 'memory',
  runs: 500,
  open: async (maxKeys, clock) => new MemoryStore(maxKeys, () => clock.now),
})

it('is opened by name', async () => {
  await using store = await memory.open({}, { name: 'orders', baseDir: '/', maxKeys: 10, log: quiet })
  expect(await store.claim(['a'], 1_000)).toEqual(['fresh'])
})
