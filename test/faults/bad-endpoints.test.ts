import { randomUUID } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import { given } from '../brokers/given.ts'
import { expectExactly, messages } from '../streams/account.ts'
import { until } from '../streams/ends.ts'
import { fill } from '../streams/gateway.ts'
import { KafkaEnd } from '../streams/kafka-end.ts'
import { createTopics } from '../streams/kafka-topics.ts'
import { RabbitEnd } from '../streams/rabbit-end.ts'
import { type BadEndpoint, badAddresses, badConnections, badServers, SECRETS } from './bad-endpoints.ts'
import { GatewayFolder, type GatewayProcess, type LogLine } from './gateway-process.ts'

const TEMPLATE = `
version: 1
admin: false
connections: { $CONNECTIONS }
routes: { $ROUTES }
`

const name = () => `faults.${randomUUID().slice(0, 8)}`

/** A queue and a topic that are there, for the good ends. */
async function goodEnds() {
  const queue = await RabbitEnd.open({ url: given('rabbitmq4').url, queue: name() })
  const topic = await KafkaEnd.open({ url: given('kafka').url, topic: name() })
  onTestFinished(async () => void (await Promise.all([queue, topic].map(end => end[Symbol.asyncDispose]()))))
  return { queue, topic }
}

/** routes.yaml of one good route and many bad ones; the other end of a bad one is good, and of its own. */
function routesOf(bad: readonly BadEndpoint[], good: Awaited<ReturnType<typeof goodEnds>>): string {
  const connections: Record<string, unknown> = { rabbitmq: good.queue.connection, kafka: good.topic.connection }
  const routes: Record<string, unknown> = {
    good: { from: { connection: 'rabbitmq', ...good.queue.from }, to: { connection: 'kafka', ...good.topic.to } },
  }
  for (const { route, end, connection, options } of bad) {
    connections[route] = connection
    const broken = { connection: route, ...options }
    const other = `${good.queue.queue}.${route}`
    const source = { connection: 'rabbitmq', queue: other, autoDelete: true, type: 'classic' }
    routes[route] =
      end === 'to'
        ? { from: source, to: broken }
        : { from: broken, to: { connection: 'kafka', topic: good.topic.topic }, order: 'source' }
  }
  return fill(TEMPLATE, { CONNECTIONS: connections, ROUTES: routes })
}

/** The lines that say why the route stands still. */
const complaints = (gateway: GatewayProcess, route: string): LogLine[] =>
  gateway.log.filter(line => line['route'] === route && /is blocked|holds/.test(line.msg))

/** Each bad route is told of once, in one clear sentence with what to do; the good one carries messages. */
async function expectToldAndGoing(
  bad: readonly BadEndpoint[],
  good: Awaited<ReturnType<typeof goodEnds>>,
): Promise<GatewayProcess> {
  const folder = new GatewayFolder(routesOf(bad, good))
  const gateway = await folder.start()
  onTestFinished(async () => {
    await gateway.kill()
    folder[Symbol.dispose]()
  })
  const silent = () => bad.filter(({ route }) => complaints(gateway, route).length === 0).map(({ route }) => route)
  await until(
    () => `every bad route says why it stands still; silent: ${silent()}`,
    () => silent().length === 0,
  )
  for (const { route, code, says, hint = /\w{3}/ } of bad) {
    const [line] = complaints(gateway, route)
    expect.soft(line, route).toMatchObject({ code, hint: expect.stringMatching(hint) })
    expect.soft(line!.msg, route).toMatch(says)
    // A person can read it: one sentence, no trace of a stack, no code of a library.
    expect.soft(line!.msg, route).not.toMatch(/\n|\bat .+:\d+:\d+|Error:|\[object|undefined/)
    expect.soft(line!.msg.length, line!.msg).toBeLessThan(300)
  }
  const sent = messages({ count: 200, keys: 10 })
  await good.queue.send(sent)
  await good.topic.read()
  await until('the good route carries its messages', () => good.topic.arrived.length >= 200)
  expectExactly(sent, await good.topic.drain())
  return gateway
}

function expectClean(gateway: GatewayProcess, bad: readonly BadEndpoint[]): void {
  const everything = [...gateway.log.map(line => JSON.stringify(line)), ...gateway.noise].join('\n')
  for (const secret of SECRETS) expect(everything).not.toContain(secret)
  expect(everything).not.toMatch(/\\n +at |\bnode:internal/)
  expect(gateway.noise).toEqual([])
  // What stays wrong is not said again and again.
  for (const { route } of bad) expect.soft(complaints(gateway, route).length, route).toBeLessThanOrEqual(3)
}

test('connections that cannot come about are told in clear sentences, and the other routes run on', async () => {
  const good = await goodEnds()
  const { queue, topic } = good
  const bad = badConnections(given('rabbitmq4'), given('kafka'), `${queue.queue}.none`, topic.topic)
  const gateway = await expectToldAndGoing(bad, good)
  expectClean(gateway, bad)
  expect(await gateway.stop()).toBe(0)
})

test('so it is with NATS and Pulsar', async () => {
  const good = await goodEnds()
  const bad = badServers(given('nats'), given('pulsar'), name().replace('.', '-'))
  const gateway = await expectToldAndGoing(bad, good)
  expectClean(gateway, bad)
  expect(await gateway.stop()).toBe(0)
})

test('addresses that are missing are named; each route goes on by itself when its address is there', async () => {
  const good = await goodEnds()
  const missing = name()
  const bad = badAddresses(given('rabbitmq4'), given('kafka'), missing)
  const gateway = await expectToldAndGoing(bad, good)
  expectClean(gateway, bad)

  const { channel } = good.queue
  const { admin } = good.topic
  onTestFinished(async () => {
    for (const queue of ['from', 'to', 'bound', 'sink']) await channel.deleteQueue(`${missing}.${queue}`)
    for (const exchange of ['bind', 'exchange']) await channel.deleteExchange(`${missing}.${exchange}`)
    await admin.deleteTopics({ topics: [`${missing}.from`, `${missing}.to`] })
  })
  await channel.assertQueue(`${missing}.from`)
  await channel.assertQueue(`${missing}.to`)
  await channel.assertQueue(`${missing}.sink`)
  await channel.assertExchange(`${missing}.bind`, 'topic')
  await channel.assertExchange(`${missing}.exchange`, 'topic')
  await channel.bindQueue(`${missing}.sink`, `${missing}.exchange`, '#')
  await createTopics(
    admin,
    ['from', 'to'].map(end => ({ topic: `${missing}.${end}` })),
  )
  for (const { route } of bad) await gateway.says(new RegExp(`route ${route}: \\w+ is back`))

  // And each carries a message now.
  const body = (route: string) => Buffer.from(JSON.stringify({ id: route }))
  for (const { route, end } of bad)
    if (end === 'to') channel.sendToQueue(`${good.queue.queue}.${route}`, body(route), { persistent: true })
  channel.sendToQueue(`${missing}.from`, body('missing-queue-from'))
  channel.publish(`${missing}.bind`, 'any', body('missing-exchange-from'))
  await good.topic.send([{ id: 'x', key: 'k', body: body('missing-topic-from') }], `${missing}.from`)
  const viaGood = () => good.topic.arrived.map(one => one.id).filter(id => id.startsWith('missing'))
  await until(
    () => `the three sources have brought theirs; there are ${viaGood()}\n${gateway.tail}`,
    () => viaGood().length === 3,
  )
  expect(viaGood().toSorted()).toEqual(['missing-exchange-from', 'missing-queue-from', 'missing-topic-from'])
  const count = async (queue: string) => (await channel.checkQueue(`${missing}.${queue}`)).messageCount
  await until('the queue has its message', async () => (await count('to')) === 1)
  await until('the exchange has its message', async () => (await count('sink')) === 1)
  await until('the topic has its message', async () =>
    (await admin.fetchTopicOffsets(`${missing}.to`)).some(({ high }) => high === '1'),
  )
  expect(await gateway.stop()).toBe(0)
})
