import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Broker, startBroker } from '../brokers/broker.ts'
import { given } from '../brokers/given.ts'
import { proxyFor } from '../brokers/proxy.ts'
import { GatewayFolder } from '../faults/gateway-process.ts'
import { type Account, account, expectExactly, messages } from './account.ts'
import { carried, type SourceEnd, type TargetEnd, until } from './ends.ts'
import { fill, RunningGateway } from './gateway.ts'
import { KafkaEnd } from './kafka-end.ts'
import { NatsEnd } from './nats-end.ts'

const TEMPLATE = `
version: 1
admin: false
connections:
  source: { $SOURCE }
  target: { $TARGET }
routes:
  stream:
    from: { connection: source, $FROM }
    to: { connection: target, $TO }
    order: { by: "\${headers.key}" }
    retry: { backoff: { initial: 10ms, max: 200ms } }
`
const COUNT = 4_000
// What a killed member of a group holds goes to another when its session is over.
const QUICK = { sessionTimeout: '6s', heartbeatInterval: '2s' }
const HASTY = { requestTimeout: '2s', connectTimeout: '2s', pingInterval: '1s' }

let own: Broker
beforeAll(async () => {
  own = await startBroker('nats', { instance: 'streams' })
})
afterAll(() => own[Symbol.asyncDispose]())

interface Lane extends AsyncDisposable {
  readonly source: SourceEnd
  readonly target: TargetEnd & { read(): Promise<void> }
  readonly stream: NatsEnd
}

/** A stream on `url`, and a topic; `fromKafka` says which way. */
async function lane(fromKafka: boolean, url: string, options: object = {}): Promise<Lane> {
  const name = `stream-${randomUUID().slice(0, 13)}`
  const stream = await NatsEnd.open({ url, stream: name, options })
  const topic = await KafkaEnd.open({ url: given('kafka').url, topic: name, options: fromKafka ? QUICK : {} })
  return {
    source: fromKafka ? topic : stream,
    target: fromKafka ? stream : topic,
    stream,
    async [Symbol.asyncDispose]() {
      await Promise.all([stream[Symbol.asyncDispose](), topic[Symbol.asyncDispose]()])
    },
  }
}

/** routes.yaml for a lane whose stream the gateway finds at `url`. */
function routes({ source, target, stream }: Lane, url: string, more = ''): string {
  const bus = { url, ...HASTY }
  return fill(TEMPLATE + more, {
    SOURCE: source === stream ? bus : source.connection,
    TARGET: source === stream ? target.connection : bus,
    FROM: source.from,
    TO: target.to,
  })
}

const distinct = ({ target }: Lane) => new Set(target.arrived.map(one => one.id)).size

async function judge(all: ReturnType<typeof messages>, { source, target }: Lane, what: string): Promise<Account> {
  const result = account(all, await target.drain())
  console.log(`${what}: ${result.ok} ok, ${result.duplicated.size} duplicated`)
  expect(result).toMatchObject({ ok: all.length, lost: [], unexpected: [], disordered: [], altered: [] })
  expect(await source.left()).toBe(0)
  return result
}

describe.each([
  ['jetstream → kafka', false],
  ['kafka → jetstream', true],
])('%s', (way, fromKafka) => {
  test('everything arrives once, in the order of its key', async () => {
    const { url } = given('nats')
    await using between = await lane(fromKafka, url)
    const all = messages({ count: COUNT, keys: 40, size: 200 })
    await between.source.send(all)
    await using gateway = await RunningGateway.start(routes(between, url))
    await gateway.settled(COUNT)
    await gateway.stop()
    await between.target.read()
    expectExactly(all, await between.target.drain())
    expect(await between.source.left()).toBe(0)
  })

  test('kill -9 of the gateway in mid-stream loses nothing and reorders nothing', async () => {
    const { url } = given('nats')
    await using between = await lane(fromKafka, url)
    const all = messages({ count: COUNT, keys: 40 })
    await between.source.send(all)
    await between.target.read()
    using folder = new GatewayFolder(routes(between, url, '    rate: 2000/s\n'))
    {
      await using first = await folder.start()
      await until('a quarter is through', () => between.target.arrived.length >= COUNT / 4)
      await first.kill()
      expect(between.target.arrived.length, 'killed in mid-stream').toBeLessThan(COUNT)
    }
    await using second = await folder.start()
    await carried(
      between.source,
      () => `all are there, not ${distinct(between)}; the gateway says:\n${second.tail}`,
      () => distinct(between) === COUNT,
    )
    expect(await second.stop()).toBe(0)
    expect(second.noise).toEqual([])
    const result = await judge(all, between, `${way}, kill -9`)
    // The stream knows the ids of what it has.
    if (fromKafka) expect(result.duplicated.size).toBe(0)
  })

  test('NATS is killed, frozen and cut off in mid-stream: nothing lost, the order of each key holds', async () => {
    await using proxy = await proxyFor(own)
    await using between = await lane(fromKafka, own.url)
    const all = messages({ count: 2 * COUNT, keys: 40 })
    await between.source.send(all)
    await between.target.read()
    await using gateway = await RunningGateway.start(routes(between, proxy.url, '    rate: 800/s\n'))
    const flows = async () => {
      const before = gateway.route.settled
      await gateway.until('messages flow', ({ settled }) => settled > before + 200)
    }
    await flows()
    await own.kill()
    await own.restart()
    await flows()
    own.freeze()
    await gateway.until('the freeze is noticed', ({ state }) => state !== 'running')
    own.thaw()
    await flows()
    for (let i = 0; i < 3; i++) {
      await proxy.cut()
      await proxy.restore()
      await flows()
    }
    expect(gateway.route.settled, 'the faults came in mid-stream').toBeLessThan(2 * COUNT)
    await gateway.carried(between.source, 'all are there', () => distinct(between) === 2 * COUNT)
    await gateway.stop()
    await judge(all, between, `${way}, NATS killed, frozen, cut`)
  })
})

test('jetstream → jetstream: a full stream refuses, and the order of each key holds with no copy', async () => {
  const { url } = given('nats')
  await using source = await NatsEnd.open({ url, stream: `full-${randomUUID().slice(0, 13)}` })
  await using target = await NatsEnd.open({ url, stream: `${source.stream}-target` })
  await target.manager.streams.update(target.stream, { max_msgs: 200, discard: 'new' as never })
  const all = messages({ count: 1_000, keys: 20 })
  await source.send(all)
  const ends = { SOURCE: source.connection, TARGET: target.connection, FROM: source.from, TO: target.to }
  await using gateway = await RunningGateway.start(fill(TEMPLATE, ends))
  await gateway.until('messages are refused', ({ heldLanes }) => heldLanes > 0)
  await target.manager.streams.update(target.stream, { max_msgs: -1 })
  await gateway.settled(1_000)
  expect(await gateway.metric('sluice_retried_total')).toBeGreaterThan(0)
  await gateway.stop()
  expectExactly(all, await target.drain())
  expect(await source.left()).toBe(0)
})
