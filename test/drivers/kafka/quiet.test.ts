import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { given } from '../../brokers/given.ts'

const run = promisify(execFile)

it('users see nothing of the clients: no warning, no log line, and the process ends by itself', async () => {
  const child = join(import.meta.dirname, 'quiet-child.ts')
  const { stdout, stderr } = await run(process.execPath, [child, given('kafka').url], { timeout: 60_000 })
  expect(stderr).toBe('')
  expect(stdout).toBe('received 100')
})
