import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { lock } from './lock.ts'

const dir = mkdtempSync(join(tmpdir(), 'sluice-lock-'))
afterAll(() => rmSync(dir, { recursive: true }))

test('one holder at a time', async () => {
  const path = join(dir, 'deep/one')
  let holders = 0
  let most = 0
  const work = async () => {
    await using _ = await lock(path)
    most = Math.max(most, ++holders)
    await new Promise(resolve => setTimeout(resolve, 5))
    holders--
  }
  await Promise.all(Array.from({ length: 8 }, work))
  expect(most).toBe(1)
})

test('different locks do not wait for each other', async () => {
  await using _a = await lock(join(dir, 'a'))
  await using _b = await lock(join(dir, 'b'))
})

test('a holder that is killed has let go', async () => {
  const path = join(dir, 'killed')
  const script = `import { lock } from ${JSON.stringify(join(import.meta.dirname, 'lock.ts'))}
    await lock(${JSON.stringify(path)}); console.log('held'); setInterval(() => {}, 1000)`
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(holder.stdout, 'data')
  let taken = false
  const waiting = lock(path).then(held => {
    taken = true
    return held
  })
  await expect(lock(path, AbortSignal.timeout(200))).rejects.toThrow('timeout')
  expect(taken).toBe(false)
  holder.kill('SIGKILL')
  await using _ = await waiting
})

test('waiting ends with the signal and leaves the lock to the next', async () => {
  const path = join(dir, 'aborted')
  const held = await lock(path)
  const controller = new AbortController()
  const waiting = lock(path, controller.signal)
  controller.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
  await held[Symbol.asyncDispose]()
  await using _ = await lock(path)
})
