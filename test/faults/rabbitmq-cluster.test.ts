import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Broker, startBroker } from '../brokers/broker.ts'
import { callManagement } from '../brokers/management.ts'
import { RabbitCluster } from '../brokers/rabbitmq-cluster.ts'
import { until } from '../streams/ends.ts'
import { type Carriage, carry } from './carry.ts'
import { type Stage, type Way, ways } from './stage.ts'

let cluster: RabbitCluster
let kafka: Broker
beforeAll(async () => {
  cluster = await RabbitCluster.start()
  kafka = await startBroker('kafka', { instance: `cluster-${process.pid}` })
})
afterAll(async () => {
  await kafka?.[Symbol.asyncDispose]()
  await cluster?.[Symbol.asyncDispose]()
})

interface Quorum {
  readonly leader?: string
  readonly online?: readonly string[]
}

const queue = ({ name }: Stage) =>
  callManagement(cluster.management, 'GET', `/api/queues/%2F/${name}`).catch(() => ({})) as Promise<Quorum>

/** All three members of the queue have everything, or are about to. */
async function online(stage: Stage): Promise<void> {
  let found: Quorum = {}
  const what = () => `the queue has three members online: ${JSON.stringify(found)}`
  await until(what, async () => (found = await queue(stage)).online?.length === 3)
}

/** Slow enough for a fault in mid-stream. */
const RATE = 500

// Where a node comes back, RabbitMQ hands a whole prefetch to the consumer that was lost with it, and takes it back: only a single
// active consumer gets everything in order (docs/mapping.md).
const ORDERED = {
  from: { singleActiveConsumer: true },
  queueArguments: { 'x-single-active-consumer': true },
}

const carried = (way: Way, what: string, source: object, fault: Carriage['fault']) =>
  carry({ way, rabbit: cluster, rabbitHosts: cluster.hosts, kafka, ...source, what, count: 2_000, rate: RATE, fault })

describe.each(ways)('%s', way => {
  const source = way === 'rabbitmq → kafka' ? ORDERED : {}

  test('each node of the cluster is killed, and started again when it is not missed any more', async () => {
    await carried(way, 'each of three killed', source, async (stage, { through }) => {
      for (const node of cluster.nodes) {
        await online(stage)
        await through(() => cluster.kill(node))
        await cluster.restart(node)
      }
    })
  })

  test('a rolling restart of the cluster', async () => {
    await carried(way, 'each of three restarted', source, async (stage, { through }) => {
      for (const node of cluster.nodes) {
        await online(stage)
        await through(() => cluster.stop(node))
        await cluster.restart(node)
      }
    })
  })

  test('two of three are killed: nothing goes on until one is back', async () => {
    await carried(way, 'two of three killed', source, async (stage, { through }) => {
      await online(stage)
      await through(async () => {
        await cluster.kill(0)
        await cluster.kill(1)
        await sleep(10_000)
        await cluster.restart(1)
      })
      await cluster.restart(0)
    })
  })
})

test('an ordinary queue, whose leader and consumer go down with one node: what was held comes first', async () => {
  onTestFinished(() => cluster.restart(0))
  await carried('rabbitmq → kafka', 'a leader killed for good', {}, async (stage, { through }) => {
    await online(stage)
    expect(await queue(stage)).toMatchObject({ leader: expect.stringMatching(/-0@/) as string })
    await through(() => cluster.kill(0))
  })
})
