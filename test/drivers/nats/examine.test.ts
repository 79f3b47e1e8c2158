import { expect, it } from 'vitest'
import { given } from '../../brokers/given.ts'
import { NatsCluster } from '../../brokers/nats-cluster.ts'
import { findings } from '../findings.ts'
import { message, NatsLab } from './nats-lab.ts'

const { url, monitoring } = given('nats')
const plain = `nats://${new URL(url).host}`

it('looks at the stream of a sink: subjects, replicas, what a power failure loses', async () => {
  await using lab = await NatsLab.open(plain)
  const stream = await lab.stream({ max_msg_size: 5_000 })
  expect(await findings(lab, 'sink', { stream, subject: stream })).toEqual([
    `ok stream ${stream}: it is there, with 0 messages`,
    `ok subject ${stream}: the stream stores it`,
    expect.stringMatching(/^warn stream .*1 replica: a power failure loses .*`sync_interval`.*cannot be seen/),
    expect.stringMatching(/^ok server: its clock and ours/),
  ])
  expect(await findings(lab, 'sink', { stream, subject: 'elsewhere' })).toContainEqual(
    `fail subject elsewhere: the stream ${stream} stores ${stream}, and not this one`,
  )
  const { maxBytes } = await lab.connection.examine!('sink', { stream, subject: stream }, lab.context(), lab.signal)
  expect(maxBytes).toBe(5_000)
  const memory = await lab.stream({ storage: 'memory' as never })
  expect(await findings(lab, 'sink', { stream: memory, subject: memory })).toContainEqual(
    expect.stringMatching(/^warn stream .*kept in memory/),
  )
})

it('tells what is missing from what Sluice will create, and creates nothing', async () => {
  await using lab = await NatsLab.open(plain)
  const create = { subjects: ['none.>'] }
  const first = async (part: 'source' | 'sink', options: object) => (await findings(lab, part, options))[0]
  expect(await first('sink', { stream: 'LAB_NONE', subject: 'none.a' })).toMatch(/^fail stream .*ADDRESS_MISSING/)
  expect(await first('sink', { stream: 'LAB_NONE', subject: 'none.a', create })).toMatch(
    /^ok stream .*Sluice creates it/,
  )
  expect(await first('source', { stream: 'LAB_NONE' })).toMatch(/^fail stream .*ADDRESS_MISSING/)
  await expect(lab.manager.streams.info('LAB_NONE')).rejects.toThrow(/not found/)
  const stream = await lab.stream()
  expect(await first('sink', { stream, subject: stream, create })).toMatch(/^fail stream .*ADDRESS_MISMATCH.*subjects/)
})

it('looks at the consumer of a source, and takes nothing', async () => {
  await using lab = await NatsLab.open(plain)
  const stream = await lab.stream()
  await lab.publish(await lab.sink({ stream, subject: stream }), [message(), message()])
  const of = (options: object) => findings(lab, 'source', { stream, ...options })
  expect(await of({ consumer: 'mine' })).toContain('ok consumer mine: it is not there yet; Sluice creates it')
  expect(await of({ consumer: 'mine', passive: true })).toContainEqual(
    expect.stringMatching(/^fail consumer mine: ADDRESS_MISSING/),
  )
  await expect(lab.consumer(stream, 'mine')).rejects.toThrow(/not found/)
  const add = (name: string, more: object) =>
    lab.manager.consumers.add(stream, { durable_name: name, ack_policy: 'explicit' as never, ...more })
  await add('good', {})
  await add('stingy', { max_deliver: 3 })
  await add('careless', { ack_policy: 'none' })
  expect(await of({ consumer: 'good' })).toContain('ok consumer good: it is there, with 2 messages waiting')
  expect(await of({ consumer: 'stingy' })).toContainEqual(
    expect.stringMatching(/^fail consumer stingy: .*after 3 deliveries/),
  )
  expect(await of({ consumer: 'careless' })).toContainEqual(
    expect.stringMatching(/^fail consumer careless: .*ack policy none/),
  )
  expect(await lab.consumer(stream, 'good')).toMatchObject({ num_pending: 2, delivered: { consumer_seq: 0 } })
})

it('says of core NATS that it keeps nothing', async () => {
  await using lab = await NatsLab.open(plain)
  expect(await findings(lab, 'source', { subject: 'a' })).toEqual([
    expect.stringMatching(/^warn subject a: core NATS keeps nothing/),
  ])
  expect(await findings(lab, 'sink', { subject: 'a' })).toEqual([
    expect.stringMatching(/^warn subject a: core NATS keeps nothing/),
  ])
})

it('sees by the monitoring when a server writes to its disk', async () => {
  await using lab = await NatsLab.open(plain, { monitoring: [monitoring!] })
  const stream = await lab.stream()
  expect(await findings(lab, 'sink', { stream, subject: stream })).toContainEqual(
    expect.stringMatching(
      /^warn stream .*1 replica, and nats-shared-plain syncs to the disk every 120 s .*a power failure loses/,
    ),
  )
  await using wrong = await NatsLab.open(plain, { monitoring: [url.replace('nats:', 'http:')] })
  const found = await findings(wrong, 'sink', { stream, subject: stream })
  expect(found).toContainEqual(
    expect.stringMatching(/^warn monitoring: (UNAVAILABLE|CONNECT_FAILED): the monitoring at/),
  )
  expect(found).toContainEqual(expect.stringMatching(/^warn stream .*`sync_interval` .* cannot be seen by a client/))
})

it('sees of which servers of a stream it was not told', async () => {
  await using cluster = await NatsCluster.start('sync_interval: always')
  const { servers, monitoring } = cluster
  const open = (shown: readonly string[]) => NatsLab.open(`nats://${servers[0]}`, { monitoring: shown })
  await using all = await open(monitoring)
  const stream = await all.stream({ num_replicas: 3 })
  const of = (lab: NatsLab) => findings(lab, 'sink', { stream, subject: stream })
  const synced = /^ok stream .*on the disk first \(sync_interval: always on /
  const seen = await of(all)
  expect(seen).toContainEqual(expect.stringMatching(synced))
  expect(seen.filter(line => line.startsWith('unseen'))).toEqual([])
  await using two = await open(monitoring.slice(0, 2))
  const partly = await of(two)
  expect(partly).toContainEqual(expect.stringMatching(synced))
  expect(partly).toContainEqual(expect.stringMatching(/^unseen stream .*`sync_interval` of n2 was not told/))
})
