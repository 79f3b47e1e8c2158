import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readState } from '../brokers/instances.ts'
import { identify } from '../brokers/processes.ts'

const start = join(import.meta.dirname, 'start.js')

/** The demo as a user starts it, on brokers of its own even where the environment names some. */
function demo(args: readonly string[], instance: string, env: NodeJS.ProcessEnv = {}) {
  const { SLUICE_RABBITMQ_URL: _, SLUICE_KAFKA_URL: __, ...rest } = process.env
  const child = spawn(process.execPath, [start, ...args], {
    env: { ...rest, SLUICE_DEMO_INSTANCE: instance, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGTERM'))
  const seen = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      seen[name] += chunk
    })
  const ended = once(child, 'close').then(([code]) => ({ ...seen, code: code as number }))
  /** Resolves when the demo has said this. */
  const says = async (words: string) => {
    while (!seen.stdout.includes(words)) await once(child.stdout, 'data')
  }
  return { child, ended, says }
}

const pidsIn = (stdout: string) => [...stdout.matchAll(/pid (\d+)/g)].map(match => Number(match[1]))

test('the demo kills the gateway, restarts RabbitMQ, and finds every order in Kafka in its order', async () => {
  const instance = `demo-${process.pid}`
  const { stdout, stderr, code } = await demo(['--orders', '3000'], instance).ended
  expect(stderr).toBe('')
  for (const line of [
    /✔ RabbitMQ/,
    /✔ Kafka/,
    /✔ Gateway +sluice run -c routes\.yaml/,
    /✖ SIGKILL to the gateway/,
    /✔ The gateway is back/,
    /✖ RabbitMQ is being restarted/,
    /✔ RabbitMQ is back after/,
    /published +3,000 /,
    /delivered +2,982 /,
    /and back +[1-9]/,
    /filtered +6 /,
    /dead-lettered +12 /,
    /6 VALIDATION_FAILED/,
    /6 BODY_INVALID/,
    /lost +0 +✔/,
    /out of order +0 +✔/,
    /changed +0 +✔/,
    /Nothing was lost/,
  ])
    expect(stdout).toMatch(line)
  expect(stdout).not.toMatch(/\x1b/)
  expect(code).toBe(0)
  // Two brokers and two gateways were started, and none is left.
  const pids = pidsIn(stdout)
  expect(pids.length).toBeGreaterThanOrEqual(4)
  for (const pid of pids) expect(identify(pid)).toBeUndefined()
  expect(readState('kafka', instance)).toBeUndefined()
})

test('Ctrl-C in the middle leaves nothing running', async () => {
  const instance = `demo-stop-${process.pid}`
  const { child, ended, says } = demo(['--orders', '100000', '--rate', '500'], instance)
  await says('The shop publishes')
  // To the program itself, as a terminal sends it to the whole foreground group.
  child.kill('SIGTERM')
  const { stdout, code } = await ended
  expect(stdout).toContain('Stopped. Nothing was left running.')
  expect(code).toBe(130)
  const pids = pidsIn(stdout)
  expect(pids).toHaveLength(3)
  for (const pid of pids) expect(identify(pid)).toBeUndefined()
})

test('a broker that is not there is said in a sentence', async () => {
  const nowhere = { SLUICE_RABBITMQ_URL: 'amqp://127.0.0.1:1', SLUICE_KAFKA_URL: 'kafka://127.0.0.1:1' }
  const { stdout, code } = await demo(['--orders', '1000'], 'nowhere', nowhere).ended
  expect(stdout).toMatch(/RabbitMQ does not answer at 127\.0\.0\.1:1/)
  expect(stdout).not.toMatch(/\n {4}at /)
  expect(code).toBe(3)
})
