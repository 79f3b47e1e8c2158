import { AckPolicy } from 'nats'
import { expect, test } from 'vitest'
import { expectExactly, messages } from '../streams/account.ts'
import { until } from '../streams/ends.ts'
import { Example } from './example.ts'
import { clear, pulsarTopic, queue, queueThere, stream, topic, topicThere } from './places.ts'

test('point to point: each job reaches one worker of its kind, in the order of its customer, and is gone then', async () => {
  await clear({ queues: ['jobs', 'jobs.dead'], streams: ['JOBS'] })
  await using nats = await stream('JOBS')
  await using _ = await Example.start('point-to-point')
  const jobs = messages({ count: 60, keys: 3 }).map((one, i) => ({
    ...one,
    headers: { kind: i % 2 === 0 ? 'resize' : 'mail', customer: one.key! },
  }))
  await until('the route has declared its queue', () => queueThere('jobs'))
  await using sender = await queue('jobs')
  await sender.send(jobs)
  await until('all jobs are in the stream', async () => (await size(nats, 'JOBS')) === jobs.length)
  const worker = await nats.manager.consumers.add('JOBS', {
    durable_name: 'resizers',
    filter_subject: 'jobs.resize',
    ack_policy: AckPolicy.Explicit,
  })
  const batch = await nats.client.jetstream().consumers.get('JOBS', worker.name)
  const got: string[] = []
  for await (const job of await batch.fetch({ max_messages: 30, expires: 5_000 })) {
    got.push((JSON.parse(job.string()) as { id: string }).id)
    job.ack()
    if (got.length === 30) break
  }
  const sent = jobs.filter(one => one.headers.kind === 'resize')
  for (const customer of ['k0', 'k1', 'k2']) {
    const own = sent.filter(one => one.key === customer).map(one => one.id)
    expect(got.filter(id => own.includes(id))).toEqual(own)
  }
  await until('what was acknowledged is gone', async () => (await size(nats, 'JOBS')) === 30)
})

test('publish and subscribe: every queue and every subscription gets a copy of each message', async () => {
  await clear({ queues: ['desk-1', 'desk-2'], exchanges: ['prices'], topics: ['prices'], pulsar: ['prices'] })
  await using kafka = await topic('prices')
  await kafka.create()
  await using desk1 = await queue('desk-1')
  await using desk2 = await queue('desk-2')
  await desk1.channel.assertExchange('prices', 'fanout', { durable: true })
  for (const desk of [desk1, desk2]) {
    await desk.channel.assertQueue(desk.queue, { durable: true })
    await desk.channel.bindQueue(desk.queue, 'prices', '')
  }
  await using pulsar = await pulsarTopic('prices')
  const prices = messages({ count: 50, keys: 5 })
  await kafka.send(prices)
  await using _ = await Example.start('publish-subscribe')
  for (const desk of [desk1, desk2]) await until(`${desk.queue} has all`, async () => (await desk.left()) === 50)
  await until('Pulsar has all', async () => (await pulsar.count()) >= 50)
  for (const end of [desk1, desk2, pulsar]) expectExactly(prices, await end.drain())
})

test('streaming: clicks reach Pulsar in order, and every click is in one count of its page', async () => {
  await clear({ topics: ['clicks', 'clicks.per-page'], pulsar: ['clicks'] })
  await using kafka = await topic('clicks')
  await kafka.create()
  await using pulsar = await pulsarTopic('clicks')
  const begin = Date.UTC(2026, 10, 25, 12)
  const clicks = Array.from({ length: 200 }, (_, i) => ({
    id: `c${i}`,
    key: `user${i % 8}`,
    headers: { id: `c${i}` },
    body: Buffer.from(JSON.stringify({ page: `/p${i % 4}`, at: new Date(begin + i * 100).toISOString() })),
  }))
  await kafka.send(clicks)
  await using _ = await Example.start('streaming')
  await until('Pulsar has all', async () => (await pulsar.count()) >= clicks.length)
  expectExactly(clicks, await pulsar.drain())
  await using counts = await topic('clicks.per-page')
  await until('the counts are there', () => topicThere('clicks.per-page'))
  await counts.read()
  const seen = () => counts.arrived.map(one => JSON.parse(one.body!.toString()) as { key: string; count: number })
  await until('every click is counted', () => seen().reduce((sum, { count }) => sum + count, 0) >= clicks.length)
  const perPage = new Map<string, number>()
  for (const { key, count } of seen()) perPage.set(key, (perPage.get(key) ?? 0) + count)
  expect([...perPage].sort()).toEqual(['/p0', '/p1', '/p2', '/p3'].map(page => [page, 50]))
})

async function size(end: Awaited<ReturnType<typeof stream>>, name: string): Promise<number | undefined> {
  return end.manager.streams.info(name).then(
    ({ state }) => state.messages,
    () => undefined,
  )
}
