import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Delivery } from '../../../src/core/ports.ts'
import { quiet } from '../../../src/core/quiet-log.ts'
import { rabbitmq } from '../../../src/drivers/rabbitmq/driver.ts'
import { type Broker, startBroker } from '../../brokers/broker.ts'
import { messages } from '../../streams/account.ts'
import { PATIENCE, until } from '../../streams/ends.ts'
import { RabbitEnd } from '../../streams/rabbit-end.ts'

const CHILD = join(import.meta.dirname, 'crash-child.ts')
const COUNT = 1_500
/** RabbitMQ 4 drops what a quorum queue without a dead-letter exchange has taken back more than 20 times. */
const KILLS = 25
/** Deliveries after which the engine puts a message aside as CRASH_LOOP. */
const ACCUSED = 10

let broker: Broker
let baseDir: string
beforeAll(async () => {
  baseDir = mkdtempSync(join(tmpdir(), 'sluice-crash-'))
  broker = await startBroker('rabbitmq4', { instance: `crash-loop-${process.pid}` })
})
afterAll(async () => {
  rmSync(baseDir, { recursive: true })
  await broker[Symbol.asyncDispose]()
})

/** Starts a process that takes messages, and kills it when it has some. The attempt of the first. */
async function crash(queue: string): Promise<number> {
  const child = spawn(process.execPath, [CHILD, broker.url, queue, baseDir], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  try {
    const [line] = (await once(child.stdout, 'data', { signal: AbortSignal.timeout(PATIENCE) })) as [Buffer]
    return Number.parseInt(line.toString(), 10)
  } finally {
    child.kill('SIGKILL')
    await exited
  }
}

/** Takes everything as a gateway does, until the queue has nothing more. */
async function takeAll(queue: string, count: number): Promise<readonly Delivery[]> {
  const stop = new AbortController()
  await using connection = rabbitmq.connect({ url: broker.url }, { name: 'crash-loop', log: quiet, baseDir })
  const context = { route: 'crash-loop', inFlight: 5_000, inFlightBytes: 2 ** 28, log: quiet, status: () => {} }
  await using source = await connection.source({ queue, type: 'quorum' }, context, stop.signal)
  const taken: Delivery[] = []
  const reading = (async () => {
    for await (const batch of source.receive(stop.signal))
      for (const delivery of batch) {
        taken.push(delivery)
        delivery.ack()
      }
  })()
  await until(
    () => `${count} come; ${taken.length} came`,
    () => taken.length >= count,
  )
  stop.abort()
  await reading
  return taken
}

test(`killed ${KILLS} times with thousands prefetched and nothing acknowledged: nothing is lost, nobody accused`, async () => {
  await using end = await RabbitEnd.open({ url: broker.url, queue: 'crash-loop' })
  await end.send(messages({ count: COUNT }))
  const attempts: number[] = []
  for (let kill = 0; kill < KILLS; kill++) attempts.push(await crash(end.queue))
  console.log(`attempt of the first message, kill by kill: ${attempts.join(' ')}`)
  expect(readdirSync(join(baseDir, '.sluice/crash-loops'))).toHaveLength(1)
  const taken = await takeAll(end.queue, COUNT)
  const places = taken.map(({ message }) => Number((message.body as { id: string }).id.slice(1)))
  expect(places).toHaveLength(COUNT)
  expect(new Set(places).size).toBe(COUNT)
  let last = -1
  const late = places.filter(place => place < (last = Math.max(last, place)))
  console.log(`out of order: ${late.length}`)
  // Each that was in hand alone went behind the others.
  expect(late.length).toBeLessThanOrEqual(KILLS - 8)
  expect(Math.max(...taken.map(({ message }) => message.source.attempt))).toBeLessThanOrEqual(ACCUSED)

  // Once something fresh has come, the window is wide again, and the note gone.
  await end.send(messages({ count: 100, name: 'fresh' }))
  await takeAll(end.queue, 100)
  expect(readdirSync(join(baseDir, '.sluice/crash-loops'))).toEqual([])
})

test('killed a few times, everything comes again in its order', async () => {
  await using end = await RabbitEnd.open({ url: broker.url, queue: 'killed-seldom' })
  const sent = messages({ count: COUNT })
  await end.send(sent)
  for (let kill = 0; kill < 5; kill++) await crash(end.queue)
  const taken = await takeAll(end.queue, COUNT)
  const ids = taken.map(({ message }) => (message.body as { id: string }).id)
  expect(ids).toEqual(sent.map(({ id }) => id))
})
