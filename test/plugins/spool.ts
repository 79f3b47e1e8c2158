import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestAddress, Testbed } from '../../src/core/testbed.ts'

/** A testbed for the driver of docs/plugins.md, in a new folder. */
export function spoolTestbed(): Testbed & Disposable {
  const root = mkdtempSync(join(tmpdir(), 'sluice-spool-'))
  let made = 0
  return {
    label: 'spool, the example of docs/plugins.md',
    available: async () => true,
    connection: () => ({ url: `spool://${root}` }),
    unreachable: () => ({ url: `spool://${root}-nowhere` }),
    missing: () => ({ sink: { folder: 'none' }, source: { folder: 'none' } }),
    async create(): Promise<TestAddress> {
      const name = `a${++made}`
      mkdirSync(join(root, name))
      return { name, sink: { folder: name }, source: () => ({ folder: name }) }
    },
    async drop({ name }) {
      rmSync(join(root, name), { recursive: true })
    },
    [Symbol.dispose]() {
      rmSync(root, { recursive: true })
    },
  }
}

export const ONE_READER = { cases: [15], reason: 'a spool folder has one reader' }
/** They write thousands of files and wait for the disk each time. */
export const MANY_FILES: readonly number[] = [5, 6, 11, 18]
