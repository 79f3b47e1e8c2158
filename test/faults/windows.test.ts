import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { type Broker, startBroker } from '../brokers/broker.ts'
import { callManagement } from '../brokers/management.ts'
import { type Arrived, until } from '../streams/ends.ts'
import { fill } from '../streams/gateway.ts'
import { KafkaEnd } from '../streams/kafka-end.ts'
import { RabbitEnd } from '../streams/rabbit-end.ts'
import { GatewayFolder } from './gateway-process.ts'
import { Gauge } from './gauge.ts'
import { ways } from './stage.ts'

// Count per key every five seconds, while the gateway is killed: one route by event time, one by processing time.
const ROUTES = `
version: 1
admin: false
connections:
  source: { url: $SOURCE }
  target: { url: $TARGET }
  dead: { url: $RABBIT }
routes:
  event:
    from: { connection: source, $EVENTS }
    transform:
      - window: { every: 5s, time: "\${body.at}", idle: 2s, late: deadLetter, $WINDOW }
    to: { connection: target, $EVENTCOUNTS }
    deadLetter: { connection: dead, queue: $DEAD, type: classic }
    rate: 800/s
  processing:
    from: { connection: source, $WORK }
    transform:
      - window: { every: 250ms, $WINDOW }
    to: { connection: target, $WORKCOUNTS }
    deadLetter: { connection: dead, queue: $DEAD, type: classic }
    rate: 800/s
`
const WINDOW = { key: '${headers.key}', aggregate: { count: true, sum: { n: '${body.n}' }, last: '${body.n}' } }

const COUNT = 3_000
const KEYS = 10
const KILLS = 2
/** Event time of the first message, and from one message to the next, in ms: 15 windows of 200 messages. */
const FIRST = Date.parse('2026-01-01T00:00:00Z')
const STEP = 25

interface Sent {
  readonly n: number
  readonly key: string
  readonly at: number
}

interface Aggregate {
  readonly key: string
  readonly start: string
  readonly count: number
  readonly sum: { readonly n: number }
}

const sent: readonly Sent[] = Array.from({ length: COUNT }, (_, n) => ({
  n,
  key: `k${n % KEYS}`,
  at: FIRST + n * STEP,
}))

test.each(ways)('%s: counts per key are exact, the gateway killed twice', async way => {
  await using ends = new AsyncDisposableStack()
  const rabbit = ends.use(await startBroker('rabbitmq4'))
  const kafka = ends.use(await startBroker('kafka'))
  const name = `windows.${randomUUID().slice(0, 8)}`
  const fromKafka = way === 'kafka → rabbitmq'
  const pair = async (part: string) => ({
    topic: ends.use(await KafkaEnd.open({ url: kafka.url, topic: `${name}.${part}`, partitions: 3 })),
    queue: ends.use(await RabbitEnd.open({ url: rabbit.url, queue: `${name}.${part}` })),
  })
  const [events, work] = [await pair('event'), await pair('processing')]
  const dead = ends.use(await RabbitEnd.open({ url: rabbit.url, queue: `${name}.dead`, type: 'classic' }))
  for (const { topic, queue } of [events, work]) await (fromKafka ? loadTopic(topic) : loadQueue(queue))
  const group = { sessionTimeout: '6s', heartbeatInterval: '1s', rebalanceTimeout: '15s' }
  const from = ({ topic, queue }: typeof events) =>
    fromKafka ? { topic: topic.topic, group: topic.group, ...group } : { queue: queue.queue, type: 'quorum' }
  const to = ({ topic, queue }: typeof events) =>
    fromKafka ? { queue: queue.queue, type: 'quorum' } : { topic: topic.topic, key: '${key}' }
  using folder = new GatewayFolder(
    fill(ROUTES, {
      SOURCE: fromKafka ? kafka.url : rabbit.url,
      TARGET: fromKafka ? rabbit.url : kafka.url,
      RABBIT: rabbit.url,
      ...{ EVENTS: from(events), EVENTCOUNTS: to(events), WORK: from(work), WORKCOUNTS: to(work) },
      WINDOW,
      DEAD: `${name}.dead`,
    }),
  )
  const gauge = new Gauge(fromKafka ? rabbit : kafka, `${name}.event`)
  ends.defer(() => gauge.close())
  let gateway = ends.use(await folder.start())
  for (let kill = 1; kill <= KILLS; kill++) {
    await gauge.reaches(((await gauge.count()) ?? 0) + KEYS + kill)
    await gateway.kill()
    gateway = ends.use(await folder.start())
  }
  const left = async ({ topic, queue }: typeof events) => (fromKafka ? await topic.left() : await queue.left())
  const owed = async (pair: typeof events) => (fromKafka ? await pair.topic.left() : await owedBy(rabbit, pair.queue))
  await until(
    () => `nothing is owed; the gateway said:\n${gateway.tail}`,
    async () => (await owed(events)) + (await owed(work)) === 0,
  )
  expect(await gateway.stop(), `the exit code; it said:\n${gateway.tail}`).toBe(0)
  expect((await left(events)) + (await left(work)), 'nothing is left unacknowledged').toBe(0)
  expect(gateway.noise).toEqual([])
  expect(await dead.left(), 'nothing is late, and nothing failed').toBe(0)

  const byEvent = judged(await arrivals(fromKafka ? events.queue : events.topic))
  const byClock = judged(await arrivals(fromKafka ? work.queue : work.topic))
  expect(sums(byEvent.aggregates, ({ key, start }) => `${key} ${start}`)).toEqual(
    counts(({ key, at }) => `${key} ${new Date(at - (at % 5_000)).toISOString()}`),
  )
  for (const [what, { aggregates, copies }] of Object.entries({ event: byEvent, processing: byClock }))
    console.log(`${way}, windows by ${what} time: ${aggregates.length} aggregates, ${copies} copies, counts exact`)
})

async function loadTopic(topic: KafkaEnd): Promise<void> {
  await topic.send(sent.map(one => ({ id: `${one.n}`, key: one.key, body: Buffer.from(JSON.stringify(one)) })))
}

// With a message id each, for RabbitMQ has no other identity of a message.
async function loadQueue({ channel, queue }: RabbitEnd): Promise<void> {
  for (const one of sent)
    channel.sendToQueue(queue, Buffer.from(JSON.stringify(one)), {
      persistent: true,
      messageId: `${one.n}`,
      headers: { key: one.key },
    })
  await channel.waitForConfirms()
}

/** Waiting in the queue, or held by a gateway; NaN = the broker cannot tell yet. */
async function owedBy({ management }: Broker, { queue }: RabbitEnd): Promise<number> {
  const answer = await callManagement(management!, 'GET', `/api/queues/%2F/${queue}`)
  return (answer as { messages?: number }).messages ?? Number.NaN
}

async function arrivals(target: KafkaEnd | RabbitEnd): Promise<readonly Arrived[]> {
  const count = () => (target instanceof KafkaEnd ? target.count() : target.left())
  await until('something has arrived', async () => (await count()) > 0)
  await target.read()
  return await target.drain()
}

/** Copies removed by what the id is made of: counts and sums of every key must be those of what was sent. */
function judged(arrived: readonly Arrived[]): { aggregates: readonly Aggregate[]; copies: number } {
  const byId = new Map<string, string>()
  for (const { body, headers } of arrived) {
    const text = String(body)
    const { key, start } = JSON.parse(text) as Aggregate
    const id = `${key} ${start} ${headers.get('sluice-window-pane')}`
    expect(byId.get(id) ?? text, 'one id, one content').toBe(text)
    byId.set(id, text)
  }
  const aggregates = [...byId.values()].map(text => JSON.parse(text) as Aggregate)
  expect(sums(aggregates, ({ key }) => key)).toEqual(counts(({ key }) => key))
  return { aggregates, copies: arrived.length - byId.size }
}

type Totals = ReadonlyMap<string, { readonly count: number; readonly n: number }>

function sums(aggregates: readonly Aggregate[], name: (one: Aggregate) => string): Totals {
  return total(aggregates.map(one => [name(one), one.count, one.sum.n]))
}

function counts(name: (one: Sent) => string): Totals {
  return total(sent.map(one => [name(one), 1, one.n]))
}

function total(rows: readonly (readonly [string, number, number])[]): Totals {
  const totals = new Map<string, { count: number; n: number }>()
  for (const [name, count, n] of rows) {
    const before = totals.get(name) ?? { count: 0, n: 0 }
    totals.set(name, { count: before.count + count, n: before.n + n })
  }
  return totals
}
