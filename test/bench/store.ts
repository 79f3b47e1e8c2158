// How many keys a dedup store takes through its two phases: `node test/bench/store.ts [keys] [batch]`. Figures for the
// documentation, not a test.
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Store } from '../../src/core/ports.ts'
import { FileStore } from '../../src/stores/file.ts'
import { MemoryStore } from '../../src/stores/memory.ts'

const keys = Number(process.argv[2] ?? 1_000_000)
const batch = Number(process.argv[3] ?? 500)
const most = keys / 2

const folder = await mkdtemp(join(tmpdir(), 'sluice-store-'))
try {
  await measure('memory', new MemoryStore(most))
  const path = join(folder, 'bench.db')
  await measure('file', await FileStore.open(path, most))
  const begin = performance.now()
  await using reopened = await FileStore.open(path, most)
  console.log(`file: opened again with ${most} keys in ${Math.round(performance.now() - begin)} ms`)
  console.log(`file: ${((await stat(path)).size / most).toFixed(1)} bytes a key on disk, ${reopened.constructor.name}`)
} finally {
  await rm(folder, { recursive: true })
}

// The second half runs with the store full, so that every new key makes an old one go.
async function measure(name: string, store: Store): Promise<void> {
  await using _ = store
  const cost = { claim: 0, confirm: 0 }
  let slowest = 0
  for (let at = 0; at < keys; at += batch) {
    const names = Array.from({ length: batch }, (_, i) => `order-${at + i}-5b1c2d3e`)
    const begin = performance.now()
    cost.claim += await cpu(() => store.claim(names, 60_000))
    cost.confirm += await cpu(() => store.confirm(names, 600_000))
    slowest = Math.max(slowest, performance.now() - begin)
  }
  const rate = (seconds: number) => `${Math.round(keys / seconds / 1_000)} thousand`
  console.log(
    `${name}: ${rate(cost.claim)} claims, ${rate(cost.claim + cost.confirm)} claims with confirm per CPU-second; slowest batch ${slowest.toFixed(1)} ms`,
  )
}

async function cpu(work: () => Promise<unknown>): Promise<number> {
  const begin = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(begin)
  return (user + system) / 1e6
}
