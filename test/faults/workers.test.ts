import { afterAll, beforeAll, expect, test } from 'vitest'
import { identify, isAlive } from '../brokers/processes.ts'
import { until } from '../streams/ends.ts'
import { Arena, Brokers } from './arena.ts'
import type { GatewayProcess } from './gateway-process.ts'

let brokers: Brokers
beforeAll(async () => {
  brokers = await Brokers.start('workers')
})
afterAll(() => brokers[Symbol.asyncDispose]())

const workersOf = ({ log }: GatewayProcess) =>
  log.filter(({ msg }) => /^worker \d starts$/.test(msg)).map(({ pid }) => identify(Number(pid))!)

test('three workers of one gateway: one is killed, then their parent, under load', async () => {
  const more = '    rate: 200/s\n    inFlight: 300\n'
  await using arena = await Arena.open(brokers, { way: 'rabbitmq → kafka', count: 10_000, partitions: 12, more })
  const on = async (count: number) => arena.progress(((await arena.arrived()) ?? 0) + count)
  const first = await arena.gateway(['--workers', '3'])
  await on(600)
  const workers = workersOf(first)
  expect(workers).toHaveLength(3)
  process.kill(workers[1]!.pid, 'SIGKILL')
  await first.says(/^worker 2 ended by itself; it starts again/)
  await until('it has been started again', () => workersOf(first).length === 4)
  await on(600)
  await first.kill()
  const orphans = workersOf(first)
  await until('the workers have ended after their parent', () => !orphans.some(worker => worker && isAlive(worker)))
  await arena.midStream(0, async () => void (await arena.gateway(['--workers', '3'])))
  const { duplicated } = await arena.finish('three workers')
  // What the killed worker had in hand; those whose parent was killed drain.
  expect(duplicated.size).toBeLessThanOrEqual(300)
})
