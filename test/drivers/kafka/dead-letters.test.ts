import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import { given } from '../../brokers/given.ts'
import { command, folder } from '../../cli/sluice.ts'
import { RunningGateway } from '../../streams/gateway.ts'
import { BODIES, everyCommand, routes } from '../dead-letter-commands.ts'
import { KafkaLab, message, Reading } from './kafka-lab.ts'

const { url } = given('kafka')

it('a topic as the place for dead letters: listed, shown, sent again, removed', async () => {
  await using lab = new KafkaLab(url)
  const [source, target, dead] = [await lab.topic(), await lab.topic(), await lab.topic()]
  const yaml = routes(url, `topic: ${source}, group: dlq.${randomUUID()}`, `topic: ${target}`, `topic: ${dead}`)
  await everyCommand(yaml, async () => {
    const sink = await lab.sink({ topic: source })
    await lab.publish(
      sink,
      BODIES.map(body => message({ bytes: Buffer.from(body) })),
    )
  })
  const reading = new Reading(await lab.source({ topic: target, group: randomUUID() }))
  const bodies = (await reading.count(4)).map(({ message: { bytes } }) => String(bytes))
  expect(bodies.filter(body => body.startsWith('{'))).toHaveLength(3)
  expect(bodies.find(body => !body.startsWith('{'))).toMatch(/no JSON [12]/)
})

// Retention counts from a record's time: with its message's, the letter of one from last year is deleted within minutes.
it('the letter of an old message is as old as its failure; sent again, the message is as old as it was', async () => {
  await using lab = new KafkaLab(url)
  const [source, target, dead] = [await lab.topic(), await lab.topic(), await lab.topic()]
  const yaml = routes(url, `topic: ${source}, group: dlq.${randomUUID()}`, `topic: ${target}`, `topic: ${dead}`)
  const lastYear = Date.now() - 365 * 86_400_000
  const began = Date.now()
  const sent = BODIES.map(body => message({ bytes: Buffer.from(body), timestamp: lastYear }))
  await lab.publish(await lab.sink({ topic: source }), sent)
  await using gateway = await RunningGateway.start(yaml)
  await gateway.settled(BODIES.length)
  await gateway.stop()
  const times = async (topic: string, count: number) => {
    const reading = new Reading(await lab.source({ topic, group: randomUUID() }))
    return (await reading.count(count)).map(one => one.message.timestamp)
  }
  for (const time of await times(dead, 2)) expect(time).toBeGreaterThanOrEqual(began)
  const dir = folder({ 'routes.yaml': yaml })
  expect(await command(['dlq', 'redrive', 'orders', '--set-header', 'mended=yes'], dir)).toMatchObject({ code: 0 })
  expect(await times(target, 5)).toEqual(Array.from({ length: 5 }, () => lastYear))
})

it('a topic that depends on the message cannot be read as a whole, and dlq says so', async () => {
  const yaml = routes(url, 'topic: a, group: g', 'topic: b', 'topic: "dead.${headers.kind}"')
  const { code, stderr } = await command(['dlq', 'list', 'orders'], folder({ 'routes.yaml': yaml }))
  expect(stderr).toMatch(/dead letters of route "orders" go to a place that cannot be read as a whole\n.*hint: /)
  expect(code).toBe(3)
})
