import { headers } from 'nats'
import { expect, it } from 'vitest'
import { given } from '../../brokers/given.ts'
import { message, NatsLab, numbered, numberOf, Reading } from './nats-lab.ts'

const { url } = given('nats')
const fresh = () => `core.${Math.random().toString(36).slice(2)}`

it('wildcards, several values of a header, and the reply subject, there and back', async () => {
  await using lab = await NatsLab.open(url)
  const subject = fresh()
  const reading = new Reading(await lab.source({ subject: `${subject}.*.>` }))
  const list = headers()
  list.append('tag', 'eu')
  list.append('Tag', 'other')
  list.append('tag', 'vip')
  lab.client.publish(`${subject}.a.b.c`, 'body', { headers: list, reply: '_INBOX.me' })
  lab.client.publish(`${subject}.a`, 'not this one')
  lab.client.publish(`${subject}.d.e`, '')
  const [first, second] = await reading.count(2)
  expect(first!.message).toMatchObject({ subject: `${subject}.a.b.c`, properties: { replyTo: '_INBOX.me' } })
  expect(first!.message.headers.getAll('tag')).toEqual(['eu', 'vip'])
  expect(first!.message.headers.getAll('Tag')).toEqual(['other'])
  expect(first!.message.source).toMatchObject({ address: `${subject}.a.b.c`, sequence: `${subject}.*.>`, attempt: 1 })
  expect(second!.message.bytes).toEqual(Buffer.alloc(0))
  // And out again: the reply is one, not a header.
  const out = fresh()
  const seen = Promise.withResolvers<{ reply: string | undefined; names: string[]; tags: string[] }>()
  lab.client.subscribe(out, {
    max: 1,
    callback: (_, got) =>
      seen.resolve({ reply: got.reply, names: got.headers?.keys() ?? [], tags: got.headers?.values('tag') ?? [] }),
  })
  await lab.client.flush()
  await lab.publish(await lab.sink({ subject: out }), [first!.message])
  const { reply, names, tags } = await seen.promise
  expect(reply).toBe('_INBOX.me')
  expect(names).not.toContain('reply-to')
  expect(tags).toEqual(['eu', 'vip'])
})

it('a reply that is no subject of anybody’s travels as a header', async () => {
  await using lab = await NatsLab.open(url)
  const subject = fresh()
  const reading = new Reading(await lab.source({ subject }))
  const sink = await lab.sink({ subject })
  for (const replyTo of ['has blank', '$SYS.REQ.SERVER.PING', 'a.*', 'ünï', 'queue-1'])
    await lab.publish(sink, [message({ properties: { replyTo } })])
  const got = await reading.count(5)
  expect(got.map(({ message: one }) => one.properties.replyTo)).toEqual([
    'has blank',
    '$SYS.REQ.SERVER.PING',
    'a.*',
    'ünï',
    'queue-1',
  ])
})

it('a slow target: beyond `pending` messages are lost, counted and reported, and the rest arrives in order', async () => {
  await using lab = await NatsLab.open(url)
  const subject = fresh()
  const source = await lab.source({ subject, pending: 50 }, { inFlight: 10 })
  const reading = new Reading(source)
  for (let i = 0; i < 200; i++) lab.client.publish(subject, String(i))
  await lab.client.flush()
  await reading.count(10)
  await expect.poll(() => lab.warnings.length).toBeGreaterThan(0)
  expect(lab.statuses).toContain('blocked')
  let settled = 0
  while (settled < 60) {
    await reading.until(() => reading.deliveries.length > settled)
    expect(reading.deliveries.length - settled).toBeLessThanOrEqual(10)
    reading.deliveries[settled++]!.ack()
  }
  expect(reading.deliveries.map(numberOf)).toEqual(Array.from({ length: 60 }, (_, i) => i))
  const total = () => lab.warnings.reduce((sum, { fields }) => sum + (fields as { messages: number }).messages, 0)
  await expect.poll(total).toBe(140)
})

it('a slow member of a queue group leaves what comes to the others', async () => {
  await using lab = await NatsLab.open(url)
  const subject = fresh()
  const queue = 'workers'
  const slow = new Reading(await lab.source({ subject, queue, pending: 200 }, { inFlight: 5 }))
  const quick = new Reading(await lab.source({ subject, queue }), delivery => delivery.ack())
  for (let i = 0; i < 300; i++) {
    lab.client.publish(subject, String(i))
    if (i % 10 === 0) await lab.client.flush()
  }
  await lab.client.flush()
  await expect.poll(() => lab.statuses).toContain('blocked')
  // It takes what it had, and comes back to the group when it has room.
  const before = quick.deliveries.length
  for (let settled = 0; quick.deliveries.length + settled < 300; ) {
    await slow.until(() => slow.deliveries.length > settled || quick.deliveries.length + settled === 300)
    for (const delivery of slow.deliveries.slice(settled)) {
      delivery.ack()
      settled++
    }
  }
  expect(before).toBeGreaterThan(0)
  const seen = [...slow.deliveries, ...quick.deliveries].map(numberOf).sort((a, b) => a - b)
  expect(seen, 'nothing is lost').toEqual(Array.from({ length: 300 }, (_, i) => i))
  await expect.poll(() => lab.statuses.at(-1)).toBe('ok')
  const had = slow.deliveries.length
  // One by one: the server may not have heard yet that it is back.
  await expect
    .poll(async () => {
      lab.client.publish(subject, 'more')
      await lab.client.flush()
      return slow.deliveries.length
    })
    .toBeGreaterThan(had)
})

it('told to stop, it hands out what the server had sent; what is given up is reported', async () => {
  await using lab = await NatsLab.open(url)
  const subject = fresh()
  const source = await lab.source({ subject }, { inFlight: 30 })
  const reading = new Reading(source)
  await lab.publish(await lab.sink({ subject }), numbered(20))
  await reading.stop()
  expect(reading.deliveries.map(numberOf)).toEqual(Array.from({ length: 20 }, (_, i) => i))
  for (const delivery of reading.deliveries.slice(0, 15)) delivery.ack()
  await source[Symbol.asyncDispose]()
  expect(lab.warnings).toEqual([{ fields: { subject, messages: 5 }, message: expect.stringContaining('given up') }])
  expect(reading.deliveries[19]!.expired).toBe(true)
})
