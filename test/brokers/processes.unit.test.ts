import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { freeze, identify, isAlive, launch, self, signal, terminate, waitForExit } from './processes.ts'

const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

async function start(script: string) {
  const child = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] })
  children.push(child)
  const [line] = await once(child.stdout, 'data')
  const identity = identify(child.pid ?? 0)
  if (!identity) throw new Error('the child is gone already')
  return { child, identity, line: String(line).trim() }
}

test('a process is told from a later one with the same pid', () => {
  expect(isAlive(self())).toBe(true)
  expect(isAlive({ ...self(), ticks: self().ticks + 1 })).toBe(false)
  expect(signal({ ...self(), ticks: 0 }, 'SIGKILL')).toBe(false)
})

test('a zombie is not alive, though signal 0 finds it', async () => {
  // When the background process ends, exec has long put in its parent's place a program that never waits for it.
  const { line } = await start('sleep 0.2 & echo $!; exec sleep 60')
  const pid = Number(line)
  await expect.poll(() => readFileSync(`/proc/${pid}/stat`, 'latin1').split(' ')[2]).toBe('Z')
  expect(() => process.kill(pid, 0)).not.toThrow()
  expect(identify(pid)).toBeUndefined()
})

test('no process has no identity', () => {
  expect(identify(2 ** 22 + 1)).toBeUndefined()
})

test('terminate ends a stopped process by TERM', async () => {
  const { child, identity } = await start('echo up; exec sleep 60')
  signal(identity, 'SIGSTOP')
  await terminate(identity, 5000)
  expect(isAlive(identity)).toBe(false)
  expect(child.signalCode ?? (await once(child, 'exit'))[1]).toBe('SIGTERM')
})

test('terminate kills what does not listen to TERM, after the deadline', async () => {
  const { child, identity } = await start('trap "" TERM; echo up; while :; do sleep 0.05; done')
  await terminate(identity, 100)
  expect(isAlive(identity)).toBe(false)
  expect(child.signalCode ?? (await once(child, 'exit'))[1]).toBe('SIGKILL')
})

test('waitForExit gives up at its deadline', async () => {
  expect(await waitForExit(self(), 30)).toBe(false)
})

test('launch starts a session of its own that writes to its log, and says when the command is not there', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-launch-'))
  try {
    const common = { env: { PATH: '/usr/bin:/bin' }, cwd: dir, log: join(dir, 'log') }
    const identity = await launch({ ...common, command: 'sh', args: ['-c', 'echo to the log; exec sleep 60'] })
    const session = readFileSync(`/proc/${identity.pid}/stat`, 'latin1').split(' ')[5]
    expect(Number(session)).toBe(identity.pid)
    await expect.poll(() => readFileSync(common.log, 'utf8')).toBe('to the log\n')
    await terminate(identity)
    await expect(launch({ ...common, command: 'no-such-command', args: [] })).rejects.toThrow('ENOENT')
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test('a process that is busy is frozen when `freeze` returns, and it returns soon', async () => {
  const { identity } = await start('echo on; while :; do :; done')
  const begin = performance.now()
  freeze(identity)
  expect(performance.now() - begin).toBeLessThan(4_000)
  expect(/\) (\S)/.exec(readFileSync(`/proc/${identity.pid}/stat`, 'utf8'))?.[1]).toBe('T')
})
