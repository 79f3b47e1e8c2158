import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Broker, startBroker } from '../brokers/broker.ts'
import { account, expectExactly, messages } from '../streams/account.ts'
import type { Outgoing } from '../streams/ends.ts'
import { Exactly } from './exactly.ts'

let kafka: Broker
beforeAll(async () => {
  kafka = await startBroker('kafka', { instance: 'exactly-once' })
})
afterAll(() => kafka?.[Symbol.asyncDispose]())

// Fewer in flight than are settled between two kills: no message is taken for one that stops the process.
const route = '    rate: 1000/s\n    inFlight: 150\n'

/** So many further messages at each call. */
function portions(count: number): () => ReturnType<typeof messages> {
  let fed = 0
  return () => messages({ count, keys: 200, size: 200, name: `${++fed}.` })
}

test('the gateway is killed twenty times under load: each message is there once, in order', async () => {
  const more = portions(3_000)
  await using exactly = await Exactly.open(kafka, { sent: more(), route })
  for (let kill = 1; kill <= 20; kill++) {
    const before = (await exactly.settled())!
    // However late the kill is noticed to be due, there is something under way.
    if (before + 2_400 > exactly.sent.length) await exactly.feed(more())
    const gateway = await exactly.gateway()
    await exactly.progress(before + 400)
    expect(await exactly.settled(), 'the kill comes in mid-stream').toBeLessThan(exactly.sent.length)
    await gateway.kill()
  }
  await exactly.gateway()
  await exactly.finish()
  await exactly.expectExactly()
})

test('gateways join and leave, and one is frozen until the group has gone on without it', async () => {
  const more = portions(1_000)
  await using exactly = await Exactly.open(kafka, { sent: more(), route: '    rate: 300/s\n    inFlight: 150\n' })
  // There is always something under way.
  const further = async (count: number) => {
    await exactly.feed(more())
    await exactly.progress(exactly.sent.length - 1_000 + count)
  }
  const first = await exactly.gateway()
  await further(100)
  const second = await exactly.gateway()
  await further(100)
  const third = await exactly.gateway()
  await further(100)
  expect(await first.stop()).toBe(0)
  await further(100)
  process.kill(second.pid, 'SIGSTOP')
  // Its partitions are taken over, and what it had in hand is settled by the other.
  await further(500)
  process.kill(second.pid, 'SIGCONT')
  await further(100)
  await third.kill()
  await further(100)
  await exactly.finish()
  await exactly.expectExactly()
})

test('Kafka is killed and started again in mid-stream', async () => {
  const sent = messages({ count: 8_000, keys: 200, size: 200 })
  await using exactly = await Exactly.open(kafka, { sent, route: '    rate: 1500/s\n' })
  await exactly.gateway()
  await exactly.midStream(0.3, async () => {
    await kafka.kill()
    await kafka.restart()
  })
  await exactly.finish()
  await exactly.expectExactly()
})

const MODEL = `
    transform:
      - filter: \${body.keep}
      - split: \${body.parts}
    deadLetter: { connection: kafka, topic: $DEAD }
`

test('filtered, split and dead-lettered messages are part of it, also when the gateway is killed', async () => {
  const sent = Array.from({ length: 6_000 }, (_, i): Outgoing => {
    // One in a hundred is poison: its second part is larger than the target takes.
    const parts = [{ id: `m${i}/0` }, { id: `m${i}/1`, filler: i % 100 === 7 ? 'x'.repeat(30_000) : '' }]
    return {
      id: `m${i}`,
      key: `k${i % 100}`,
      body: Buffer.from(JSON.stringify({ id: `m${i}`, keep: i % 5 > 0, parts })),
    }
  })
  const options = { sent, route: route + MODEL.slice(1), targetConfig: { 'max.message.bytes': '10000' } }
  await using exactly = await Exactly.open(kafka, options)
  for (let kill = 1; kill <= 4; kill++) {
    const before = (await exactly.settled())!
    const gateway = await exactly.gateway()
    await exactly.progress(before + 600)
    await gateway.kill()
  }
  await exactly.gateway()
  await exactly.finish()
  const passed = sent.filter((_, i) => i % 5 > 0)
  const poison = passed.filter(({ id }) => Number(id.slice(1)) % 100 === 7)
  expect(poison.length).toBeGreaterThan(10)
  const whole = passed.filter(one => !poison.includes(one))
  const pieces = whole.flatMap(({ id, key }) =>
    [0, 1].map(n => ({ id: `${id}/${n}`, key, body: Buffer.from(JSON.stringify(piece(id, n))) })),
  )
  // Of what is put aside as a whole the first part may have gone before: once, or not at all.
  const first = new Set(poison.map(({ id }) => `${id}/0`))
  const arrived = await exactly.read(exactly.target)
  expectExactly(
    pieces,
    arrived.filter(({ id }) => !first.has(id)),
  )
  const others = arrived.filter(({ id }) => first.has(id)).map(({ id }) => id)
  expect(new Set(others).size).toBe(others.length)
  expect(account(poison, await exactly.read(exactly.dead))).toMatchObject({
    ok: poison.length,
    duplicated: new Map(),
    unexpected: [],
    altered: [],
  })
})

const piece = (id: string, n: number) => (n === 0 ? { id: `${id}/0` } : { id: `${id}/1`, filler: '' })
