import { randomUUID } from 'node:crypto'
import amqp from 'amqplib'
import { expect, test } from 'vitest'
import { callManagement } from '../brokers/management.ts'
import { messages } from '../streams/account.ts'
import { GatewayFolder } from './gateway-process.ts'
import { privateBrokers } from './private-brokers.ts'
import { Stage } from './stage.ts'
import { judge, settledUp } from './verdict.ts'

const brokers = privateBrokers('deleted')

test('rabbitmq → kafka: its queue is deleted and declared again while it runs; the route recovers by itself', async () => {
  const { rabbit, kafka } = brokers
  const stage = await Stage.open({ way: 'rabbitmq → kafka', rabbit, kafka, from: { passive: true } })
  const before = messages({ count: 500, keys: 50, name: 'before-' })
  const after = messages({ count: 500, keys: 50, name: 'after-' })
  using folder = new GatewayFolder(stage.routes)
  await using gateway = await folder.start()
  await stage.load(before)
  await stage.gauge.reaches(500)
  await settledUp(stage, () => gateway.tail)

  await callManagement(rabbit.management!, 'DELETE', `/api/queues/%2F/${stage.name}`)
  const line = await gateway.says(/route faults (holds|is blocked): source:/)
  expect(line.msg).toContain(stage.name)
  // It asks again and again, and says what is missing.
  expect((await gateway.says(/is blocked: source: /)).code).toBe('ADDRESS_MISSING')
  const declaration = { durable: true, arguments: { 'x-queue-type': 'quorum' } }
  await callManagement(rabbit.management!, 'PUT', `/api/queues/%2F/${stage.name}`, declaration)
  await gateway.says(/source is back/)

  await stage.load(after)
  await stage.gauge.reaches(1_000)
  await settledUp(stage, () => gateway.tail)
  expect(await gateway.stop()).toBe(0)
  await stage.close()
  const { copies } = await judge(stage, 'queue deleted and declared again', [...before, ...after])
  expect(copies).toBe(0)
})

/** Deletes a queue and says how many messages went with it. */
async function deleteQueue(url: string, name: string): Promise<number> {
  const model = await amqp.connect(url)
  try {
    return (await (await model.createChannel()).deleteQueue(name)).messageCount
  } finally {
    await model.close()
  }
}

test('kafka → rabbitmq: its queue is deleted in mid-stream; the route holds, and brings the rest when it is there again', async () => {
  const { rabbit, kafka } = brokers
  const dead = `dead.${randomUUID()}`
  const route = `    rate: 500/s\n    deadLetter: { connection: target, queue: ${dead}, type: classic }\n`
  const stage = await Stage.open({ way: 'kafka → rabbitmq', rabbit, kafka, route })
  // Declared by no one but the operator: `passive`.
  using folder = new GatewayFolder(stage.routes.replace('"type":"quorum"', '"passive":true'))
  const sent = messages({ count: 6_000, keys: 50 })
  await stage.load(sent)
  await using gateway = await folder.start()
  await stage.gauge.reaches(1_500)

  // What the queue held is nobody's loss; what comes back unroutable is.
  const deleted = await deleteQueue(rabbit.url, stage.name)
  await gateway.says(/route faults (holds|is blocked): target/)
  const declaration = { durable: true, arguments: { 'x-queue-type': 'quorum' } }
  await callManagement(rabbit.management!, 'PUT', `/api/queues/%2F/${stage.name}`, declaration)
  await gateway.says(/target is back/)
  await settledUp(stage, () => gateway.tail)
  expect(await gateway.stop()).toBe(0)
  await stage.close()

  expect(await deleteQueue(rabbit.url, dead), 'a queue that is gone makes no message poison').toBe(0)
  // Of every key the rest is there, in order and without a gap. Keys that were through before have none.
  const arrived = await stage.read()
  const first = new Map<string, number>()
  const last = new Map<string, number>()
  for (const { key, body } of arrived) {
    const { sequence } = JSON.parse(body!.toString()) as { sequence: number }
    const before = last.get(key!)
    if (before === undefined) first.set(key!, sequence)
    else expect(sequence, `of ${key} behind ${before}`).toBe(before + 1)
    last.set(key!, sequence)
  }
  expect([...new Set(last.values())]).toEqual([119])
  const missing = Array.from({ length: 50 }, (_, i) => first.get(`k${i}`) ?? 120).reduce((sum, count) => sum + count)
  expect(missing, 'gone with the queue').toBeGreaterThan(1_000)
  // The broker counts what it deletes a moment before it does.
  expect(missing - deleted, 'missing beyond what the queue held').toBeLessThan(100)
  expect(arrived.length + missing).toBe(6_000)
})
