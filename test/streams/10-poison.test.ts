import { randomUUID } from 'node:crypto'
import { describe, expect, onTestFinished, test } from 'vitest'
import { given } from '../brokers/given.ts'
import { expectExactly, message, messages } from './account.ts'
import { directions, kafkaToRabbit, type Lane, type LaneOptions, rabbitToKafka } from './direction.ts'
import { type Arrived, type Outgoing, until } from './ends.ts'
import { KafkaEnd } from './kafka-end.ts'
import { startRoute } from './plain-route.ts'
import { RabbitEnd } from './rabbit-end.ts'

// No bridge of the field notes passes these: an unroutable message is dropped in silence, a large one is tried for ever.

/** The place for dead letters beside a lane, in the broker of its source. */
async function grave(kind: 'queue' | 'topic'): Promise<RabbitEnd | KafkaEnd> {
  const name = `stream.dead.${randomUUID().slice(0, 8)}`
  const end =
    kind === 'queue'
      ? await RabbitEnd.open({ url: given('rabbitmq4').url, queue: name })
      : await KafkaEnd.open({ url: given('kafka').url, topic: name, partitions: 1, config: HUGE })
  onTestFinished(() => end[Symbol.asyncDispose]())
  return end
}

const HUGE = { 'max.message.bytes': '30000000' }
const DEAD = '    deadLetter: { connection: source, $DEAD }\n'

/** As a user writes it: nothing is said about a queue that is there. */
const addressOf = (end: RabbitEnd | KafkaEnd) => ('queue' in end ? { queue: end.queue } : { topic: end.topic })

const reason = ({ headers }: Arrived) => headers.get('sluice-dead-reason')

describe('an unroutable message', () => {
  test('is dead-lettered alone, with its reason; every return is matched to its own message', async () => {
    const exchange = `stream.exchange.${randomUUID().slice(0, 8)}`
    const toExchange: LaneOptions = {
      rabbit: { type: 'none', options: { queue: undefined, exchange, routingKey: '${headers.way}' } },
    }
    await using lane = await kafkaToRabbit.lane(toExchange)
    const { channel, queue } = lane.rabbit
    await channel.assertExchange(exchange, 'direct', { durable: true, autoDelete: true })
    await channel.assertQueue(queue, { durable: true, autoDelete: true })
    await channel.bindQueue(queue, exchange, 'home')
    const dead = await grave('topic')
    const nowhere = (one: Outgoing) => Number(one.id.slice(1)) % 20 === 7
    const all = messages({ count: 2_000, keys: 30 }).map(one => ({
      ...one,
      headers: { way: nowhere(one) ? 'nowhere' : 'home' },
    }))
    await lane.source.send(all)
    await using gateway = await startRoute(lane, DEAD, [], { DEAD: addressOf(dead) })
    await gateway.settled(2_000)
    await gateway.stop()
    await lane.target.read()
    await dead.read()
    expectExactly(
      all.filter(one => !nowhere(one)),
      await lane.target.drain(),
    )
    const buried = await dead.drain()
    expectExactly(all.filter(nowhere), buried)
    expect(new Set(buried.map(reason))).toEqual(new Set(['UNROUTABLE']))
    expect(await lane.source.left()).toBe(0)
  })
})

describe.each(directions)('$name', direction => {
  const over = { id: 'm100', key: 'k0' }

  /** One of 200 is too large: it alone is put aside, and the others neither wait for it nor come twice. */
  async function expectAlone(lane: Lane, large: Outgoing, dead: RabbitEnd | KafkaEnd): Promise<void> {
    const all = messages({ count: 200, keys: 5 }).map(one => (one.id === over.id ? large : one))
    await lane.source.send(all)
    await lane.target.read()
    const began = performance.now()
    await using gateway = await startRoute(lane, DEAD, [], {
      DEAD: addressOf(dead),
    })
    await until('the neighbours are there', () => lane.target.arrived.length >= 199)
    const seconds = (performance.now() - began) / 1000
    await gateway.settled(200)
    await gateway.stop()
    expectExactly(
      all.filter(one => one.id !== over.id),
      await lane.target.drain(),
    )
    await dead.read()
    const buried = await dead.drain()
    expectExactly([large], buried)
    expect(reason(buried[0]!)).toBe('TOO_LARGE')
    expect(await lane.source.left()).toBe(0)
    // Seconds on a busy machine; who retries the large one first, or tears the connection down each time, needs minutes.
    expect(seconds).toBeLessThan(60)
  }

  test('one message over the limit among 200 is put aside alone, at once', async () => {
    if (direction.fromKafka) {
      // RabbitMQ 4 takes 16 MiB.
      await using lane = await direction.lane({ kafka: { config: HUGE } })
      await expectAlone(lane, message(over.id, over.key, 20, 'x'.repeat(17 * 2 ** 20)), await grave('topic'))
    } else {
      // Kafka takes 1 MiB.
      await using lane = await direction.lane()
      await expectAlone(lane, message(over.id, over.key, 20, 'x'.repeat(1_500_000)), await grave('queue'))
    }
  })

  test('likewise where only the broker knows its limit, and answers with an error', async () => {
    if (direction.fromKafka) {
      await using lane = await direction.lane({
        kafka: { config: HUGE },
        rabbit: { options: { maxMessageSize: '64MiB' } },
      })
      await expectAlone(lane, message(over.id, over.key, 20, 'x'.repeat(17 * 2 ** 20)), await grave('topic'))
    } else {
      const config = { 'max.message.bytes': '100000' }
      await using lane = await direction.lane({ kafka: { config, options: { maxMessageBytes: '10MiB' } } })
      await expectAlone(lane, message(over.id, over.key, 20, 'x'.repeat(500_000)), await grave('queue'))
    }
  })
})

test('rabbitmq4 → kafka: a message for a topic that does not exist holds the route until there is one, and loses nothing', async () => {
  await using lane = await rabbitToKafka.lane({ kafka: { options: { topic: '${headers.topic}' } } })
  const other = await KafkaEnd.open({ url: given('kafka').url, topic: `${lane.kafka.topic}.other`, create: false })
  onTestFinished(() => other[Symbol.asyncDispose]())
  const here = messages({ count: 100, keys: 5, name: 'h' }).map(one => withTopic(one, lane.kafka.topic))
  const there = messages({ count: 100, keys: 5, name: 't' }).map(one => withTopic(one, other.topic))
  await lane.source.send(here.flatMap((one, i) => [one, there[i]!]))
  await using gateway = await startRoute(lane)
  await gateway.until('the route says why it stands still', ({ state }) => state === 'blocked')
  expect(gateway.route.conditions).toMatchObject([{ part: 'target', code: 'ADDRESS_MISSING' }])
  expect(gateway.route.conditions[0]!.message).toContain(other.topic)
  await other.create()
  await gateway.settled(200)
  await gateway.stop()
  await lane.target.read()
  await other.read()
  expectExactly(here, await lane.target.drain())
  expectExactly(there, await other.drain())
  expect(await lane.source.left()).toBe(0)
  await other.admin.deleteTopics({ topics: [other.topic] })
})

const withTopic = (one: Outgoing, topic: string): Outgoing => ({ ...one, headers: { topic } })
