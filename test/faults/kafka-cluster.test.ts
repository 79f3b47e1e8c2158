import { setTimeout as sleep } from 'node:timers/promises'
import { type Admin, ConfigResourceTypes } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Broker, startBroker } from '../brokers/broker.ts'
import { KafkaCluster, type KafkaNode } from '../brokers/kafka-cluster.ts'
import { messages } from '../streams/account.ts'
import { until } from '../streams/ends.ts'
import { kafkaClient } from '../streams/kafka-end.ts'
import { type Carriage, carry } from './carry.ts'
import { Exactly } from './exactly.ts'
import { ways } from './stage.ts'

let cluster: KafkaCluster
let rabbit: Broker
let admin: Admin
beforeAll(async () => {
  cluster = await KafkaCluster.start()
  rabbit = await startBroker('rabbitmq4', { instance: `cluster-${process.pid}` })
  admin = kafkaClient(cluster.url).admin()
  await admin.connect()
})
afterAll(async () => {
  await admin?.disconnect()
  await rabbit?.[Symbol.asyncDispose]()
  await cluster?.[Symbol.asyncDispose]()
})

const INTERNAL = ['__consumer_offsets', '__transaction_state']

/** All replicas of the topics and of those that are there within the cluster have everything. */
async function inSync(...topics: readonly string[]): Promise<void> {
  let behind: readonly string[] = []
  const what = () => `all replicas are in sync; not so ${behind}`
  await until(what, async () => {
    const names = (await admin.listTopics()).filter(name => topics.includes(name) || INTERNAL.includes(name))
    const found = await admin.fetchTopicMetadata({ topics: names })
    behind = found.topics.flatMap(({ name, partitions }) =>
      partitions.filter(({ isr, leader }) => isr.length < 3 || leader < 0).map(one => `${name}/${one.partitionId}`),
    )
    return behind.length === 0
  })
}

async function leader(topic: string): Promise<KafkaNode> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
  return topics[0]!.partitions.find(one => one.partitionId === 0)!.leader as KafkaNode
}

/** Slow enough for a fault in mid-stream. */
const RATE = 500

describe.each(ways)('%s', way => {
  const carried = (what: string, fault: Carriage['fault']) =>
    carry({ way, rabbit, kafka: cluster, what, count: 2_000, rate: RATE, fault })

  test('each broker of the cluster is killed, and started again when it is not missed any more', async () => {
    await carried('each of three killed', async (stage, { through }) => {
      for (const node of cluster.nodes) {
        await through(() => cluster.kill(node))
        await cluster.restart(node)
        await inSync(stage.name)
      }
    })
  })

  test('a rolling restart of the cluster', async () => {
    await carried('each of three restarted', async (stage, { through }) => {
      for (const node of cluster.nodes) {
        await through(() => cluster.stop(node))
        await cluster.restart(node)
        await inSync(stage.name)
      }
    })
  })

  test('a leader is frozen until another has taken over, and answers again with what it had in hand', async () => {
    await carried('a leader frozen', async (stage, { through }) => {
      const frozen = await leader(stage.fromKafka ? '__consumer_offsets' : stage.name)
      onTestFinished(() => cluster.thaw(frozen))
      await through(() => cluster.freeze(frozen))
      cluster.thaw(frozen)
      await inSync(stage.name)
    })
  })

  test('two of three are killed: nothing goes on until one is back', async () => {
    await carried('two of three killed', async (stage, { through }) => {
      await through(async () => {
        await cluster.kill(1)
        await cluster.kill(2)
        await sleep(15_000)
        await cluster.restart(2)
      })
      await cluster.restart(1)
      await inSync(stage.name)
    })
  })
})

test('rabbitmq → kafka: a broker is killed, and the topic asks for all three replicas in sync', async () => {
  await carry({
    way: 'rabbitmq → kafka',
    rabbit,
    kafka: cluster,
    what: 'too few replicas in sync',
    rate: RATE,
    count: 10_000,
    async fault(stage) {
      const configEntries = [{ name: 'min.insync.replicas', value: '3' }]
      await admin.alterConfigs({
        validateOnly: false,
        resources: [{ type: ConfigResourceTypes.TOPIC, name: stage.name, configEntries }],
      })
      await cluster.kill(1)
      await sleep(10_000)
      await cluster.restart(1)
      await inSync(stage.name)
    },
  })
})

test('exactly once: the coordinator of transactions, that of the group and leaders are killed', async () => {
  const sent = messages({ count: 2_000, keys: 200, size: 200 })
  await using exactly = await Exactly.open(cluster, { sent, route: `    rate: ${RATE}/s\n` })
  await exactly.gateway()
  await exactly.progress(500)
  for (const topic of [...INTERNAL, exactly.source.topic, exactly.target.topic]) {
    await inSync(exactly.source.topic, exactly.target.topic)
    const node = await leader(topic)
    await exactly.feed(messages({ count: 5_000, keys: 200, size: 200, name: `${topic}.` }))
    expect(await exactly.source.count(), 'the source has what it confirmed').toBe(exactly.sent.length)
    expect(await exactly.settled(), 'the fault comes in mid-stream').toBeLessThan(exactly.sent.length - 2_000)
    await cluster.kill(node)
    await exactly.progress(exactly.sent.length - 1_000)
    await cluster.restart(node)
  }
  await exactly.finish()
  await exactly.expectExactly()
})
