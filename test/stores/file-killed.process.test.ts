import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, expect, it } from 'vitest'
import { FileStore } from '../../src/stores/file.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-killed-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** What the child said it had done, as sets of keys. */
class Said {
  readonly claimed = new Set<string>()
  readonly confirmed = new Set<string>()
  readonly forgotten = new Set<string>()

  take(line: string): void {
    const [verb, keys = ''] = line.split(' ')
    const sets: Record<string, Set<string>> = {
      claimed: this.claimed,
      confirmed: this.confirmed,
      forgot: this.forgotten,
    }
    const set = sets[verb!]
    if (set !== undefined) for (const key of keys.split(',')) set.add(key)
    else if (verb !== 'open') throw new Error(line)
  }
}

async function runAndKill(path: string, name: string, lines: number, said: Said): Promise<void> {
  const script = join(import.meta.dirname, 'file-child.ts')
  const child: ChildProcess = spawn(process.execPath, [script, path, name], { stdio: ['ignore', 'pipe', 'inherit'] })
  const gone = once(child, 'exit')
  let seen = 0
  for await (const line of createInterface({ input: child.stdout! })) {
    said.take(line)
    if (seen === 0) await expect(FileStore.open(path, 10)).rejects.toMatchObject({ code: 'ADDRESS_IN_USE' })
    if (++seen === lines) child.kill('SIGKILL')
  }
  expect(await gone).toEqual([null, 'SIGKILL'])
}

it('kill -9 in the middle of the work forgets nothing that was confirmed, and knows what is in doubt', async () => {
  const path = join(folder, 'killed.db')
  const said = new Said()
  for (let life = 0; life < 4; life++) {
    await runAndKill(path, `life${life}`, 150 + life * 37, said)
    await using store = await FileStore.open(path, 1_000_000)

    const doubts = new Set((await store.inDoubt()).map(({ key }) => key))
    const settled = said.confirmed.union(said.forgotten)
    const open = said.claimed.difference(settled)
    // What it did between its last line and its end: at most one step, which is one round of keys.
    expect(open.difference(doubts).size).toBeLessThanOrEqual(20)
    expect(doubts.difference(open).size).toBeLessThanOrEqual(20)
    expect(doubts.intersection(settled)).toEqual(new Set())

    const done = [...said.confirmed]
    expect(new Set(await store.claim(done, 1))).toEqual(new Set(['done']))
    const answers = await store.claim([...open.intersection(doubts)], 1)
    expect(new Set(answers)).toEqual(new Set(['fresh']))
    // A doubt stays one from life to life until it is settled, also one that the child had no time to tell.
    const rest = open.union(doubts)
    await store.forget([...rest])
    for (const key of rest) said.forgotten.add(key)
  }
  expect(said.confirmed.size).toBeGreaterThan(500)
})
