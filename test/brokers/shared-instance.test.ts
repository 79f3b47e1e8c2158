import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { startBroker } from './broker.ts'
import { given } from './given.ts'
import { home } from './home.ts'
import { identify } from './processes.ts'

test('the shared broker is joined, not started again', async () => {
  await using joined = await startBroker('kafka')
  expect(joined.url).toBe(given('kafka').url)
  const pid = joined.pid
  await using again = await startBroker('kafka')
  expect(again.pid).toBe(pid)
})

test('two processes that start it at once share one, and the last to leave stops it', async ctx => {
  if (given('rabbitmq4').where !== 'local') ctx.skip('the environment names another broker: nothing is in the cache')
  const cache = mkdtempSync(join(tmpdir(), 'sluice-cache-'))
  onTestFinished(() => rmSync(cache, { recursive: true }))
  symlinkSync(join(home, 'debian-trixie'), join(cache, 'debian-trixie'))
  cpSync(join(home, 'tls'), join(cache, 'tls'), { recursive: true })

  const users = [user(cache), user(cache)] as const
  const [first, second] = await Promise.all(users.map(({ answer }) => answer()))
  expect(first).toBe(second)
  const pid = Number(first)
  expect(identify(pid)).toBeDefined()

  expect(await users[0].leave()).toBe('left')
  expect(identify(pid)).toBeDefined()
  expect(await users[1].leave()).toBe('left')
  expect(identify(pid)).toBeUndefined()
})

/** A process that starts the shared broker of a cache of its own, tells its pid, and leaves when it is told to. */
function user(cache: string) {
  const script = `import { startBroker } from ${JSON.stringify(join(import.meta.dirname, 'broker.ts'))}
    const broker = await startBroker('rabbitmq4')
    console.log(broker.pid)
    process.stdin.once('data', async () => {
      await broker[Symbol.asyncDispose]()
      console.log('left')
      process.exit()
    })`
  const { SLUICE_RABBITMQ_URL: _, ...env } = process.env
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...env, SLUICE_BROKERS_DIR: cache },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const answer = async () => String((await once(child.stdout, 'data'))[0]).trim()
  return {
    answer,
    leave() {
      child.stdin.write('leave')
      return answer()
    },
  }
}
