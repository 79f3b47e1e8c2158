import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import WebSocket from 'ws'
import { given } from '../../brokers/given.ts'
import { command, folder } from '../../cli/sluice.ts'
import { RunningGateway } from '../../streams/gateway.ts'
import { PulsarEnd } from '../../streams/pulsar-end.ts'
import { topicName } from './pulsar-lab.ts'

test('sluice dlq lists, redrives and purges dead letters in a Pulsar topic', async () => {
  const { url, listeners } = given('pulsar')
  const [source, target] = await Promise.all([topicName(), topicName()].map(topic => PulsarEnd.open({ url, topic })))
  onTestFinished(async () => void (await Promise.all([source, target].map(end => end![Symbol.asyncDispose]()))))
  const routes = `version: 1
admin: false
connections:
  log: { url: ${url}, admin: "http://${listeners['plain']}" }
routes:
  orders:
    from: { connection: log, topic: ${source!.topic}, subscription: ${source!.subscription} }
    transform:
      - filter: \${body.total > 0 || has(headers.mended)}
    to: { connection: log, topic: ${target!.topic}, key: "\${headers.key}" }
    deadLetter: { connection: log, topic: ${source!.topic}.dead }
`
  const dir = folder({ 'routes.yaml': routes })
  const dlq = (...args: string[]) => command(['dlq', ...args], dir)
  await source!.send([
    { id: '1', key: 'a', body: Buffer.from('{"id":"1","total":1}') },
    { id: '2', key: 'b', body: Buffer.from('{"id":"2","total":') },
    { id: '3', key: null, body: null },
    { id: '4', key: 'b', body: Buffer.from([0xff, 0x00]) },
  ])
  {
    await using gateway = await RunningGateway.start(routes)
    await gateway.settled(4)
    await gateway.stop()
  }
  const listed = await dlq('list', 'orders', '--json')
  const letters = listed.stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as object)
  expect(listed.code, listed.output).toBe(0)
  expect(letters).toHaveLength(3)
  const again = await dlq('list', 'orders')
  expect(again.output, 'looking takes nothing away').toContain('3 dead letters.')
  expect((await dlq('redrive', 'orders', '--dry-run')).output).toContain('3 of 3')

  // What fails again becomes a dead letter again; none is lost and none is there twice.
  const redriven = await dlq('redrive', 'orders')
  expect(redriven.output).toContain('3 failed again')
  expect((await dlq('list', 'orders')).output).toContain('3 dead letters.')

  const purged = await dlq('purge', 'orders', '--all')
  expect(purged.output).toContain('3 of 3 matching dead letters purged')
  expect((await dlq('list', 'orders')).output).toContain('0 dead letters.')

  const other = new WebSocket(
    `${url}/ws/v2/consumer/persistent/public/default/${source!.topic}.dead/sluice-dlq.orders?subscriptionType=Exclusive`,
  )
  onTestFinished(() => other.terminate())
  await once(other, 'open')
  const second = await dlq('list', 'orders')
  expect(second.code, 'who reads beside another is told so, and not that there is nothing').toBe(3)
  expect(second.output).toContain('Exclusive consumer is already connected')
  await target!.read()
  await expect.poll(() => target!.arrived.map(({ id }) => id)).toEqual(['1'])
})
