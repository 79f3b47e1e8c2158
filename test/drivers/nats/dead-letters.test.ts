import { expect, it } from 'vitest'
import { given } from '../../brokers/given.ts'
import { command, folder } from '../../cli/sluice.ts'
import { until } from '../../streams/ends.ts'
import { RunningGateway } from '../../streams/gateway.ts'
import { NatsLab } from './nats-lab.ts'

const { url } = given('nats')

it('a stream as the place for dead letters: listed twice, kept, sent again in part, the rest removed', async () => {
  await using lab = await NatsLab.open(url)
  const [source, target] = [await lab.stream(), await lab.stream()]
  const dead = await lab.stream({ retention: 'workqueue' as never })
  const yaml = `version: 1
admin: false
connections:
  bus: { url: "${url}" }
routes:
  orders:
    from: { connection: bus, stream: ${source}, ackWait: 2s }
    transform:
      - filter: "\${body.ok}"
    to: { connection: bus, stream: ${target}, subject: ${target} }
    deadLetter: { connection: bus, stream: ${dead}, subject: ${dead} }
`
  for (let i = 0; i < 5; i++)
    await lab.client.request(source, i % 2 === 0 ? JSON.stringify({ ok: true, i }) : `no JSON ${i}`)
  {
    await using gateway = await RunningGateway.start(yaml)
    await gateway.settled(5)
    await gateway.stop()
  }
  const count = async (stream: string) => (await lab.manager.streams.info(stream)).state.messages
  expect([await count(target), await count(dead)]).toEqual([3, 2])
  const dir = folder({ 'routes.yaml': yaml })
  const run = (...args: string[]) => command(['dlq', ...args], dir)
  for (const time of ['first', 'second']) {
    const { code, output } = await run('list', 'orders')
    expect(code, output).toBe(0)
    expect(output, time).toMatch(/EXPRESSION_FAILED|BODY_INVALID/)
    expect(output, time).toContain('2 dead letters')
  }
  // It fails again, and is a dead letter again: no window of the stream swallows it.
  const again = await run('redrive', 'orders', '--json', '--limit', '1')
  expect(JSON.parse(again.stdout)).toMatchObject({ matched: 1, done: 0, failed: 1 })
  await until('the letter is back', async () => (await count(dead)) === 2)
  const purged = await run('purge', 'orders', '--all', '--json')
  expect(JSON.parse(purged.stdout), purged.output).toMatchObject({ done: 2 })
  await until('the stream is empty', async () => (await count(dead)) === 0)
})

it('a subject of core NATS is refused as the place for dead letters', async () => {
  const yaml = `version: 1
connections: { bus: { url: "${url}" } }
routes:
  orders:
    from: { connection: bus, stream: A }
    to: { connection: bus, subject: out }
    deadLetter: { connection: bus, subject: dead }
`
  await expect(RunningGateway.start(yaml)).rejects.toThrow(/does not keep what is published there/)
})
