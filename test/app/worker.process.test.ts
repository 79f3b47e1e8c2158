import { expect, test } from 'vitest'
import { Worker } from '../../src/app/worker.ts'
import { quiet } from '../../src/core/quiet-log.ts'

const worker = (program: string) =>
  new Worker({ number: 1, program: process.execPath, args: ['-e', program], log: quiet, ended: () => false })

/** Resolves when the process is there and has done its part. */
const started = async (one: Worker) => {
  one.start()
  await expect.poll(() => one.admin).toBe('http://here')
}

test('one that is told to stop before it runs has nothing to answer for', async () => {
  const late = worker('setInterval(() => {}, 1_000)')
  late.start()
  expect(await late.stop()).toBe(0)
})

test('one that runs answers with its exit code', async () => {
  const loses = worker(
    `process.on('SIGTERM', () => process.exit(1)); process.send({ admin: 'http://here' }); setInterval(() => {}, 1_000)`,
  )
  await started(loses)
  expect(await loses.stop()).toBe(1)
  const drains = worker(
    `process.on('SIGTERM', () => process.exit(0)); process.send({ admin: 'http://here' }); setInterval(() => {}, 1_000)`,
  )
  await started(drains)
  expect(await drains.stop()).toBe(0)
})
